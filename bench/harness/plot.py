"""Two panels of bars as SVG: throughput at 32 connections, a token's delay at 200 streams."""

import html

import part_json
import part_streams
import systems
import table

WIDTH, BAR, GAP, LABEL, VALUE = 760, 20, 8, 200, 90
COLOURS = {True: "#b5452c", False: "#8a97a6"}  # postern, others


def _throughput(results):
    found = part_json.summary(results["json"]["result"]) if "json" in results else {}
    for row in systems.ROWS:
        run = found.get(row.name, {}).get("32")
        if run and row.name != "direct":
            yield row, run["per_s"], table.number(run["per_s"])


def _delay(results):
    found = part_streams.summary(results["streams"]["result"]) if "streams" in results else {}
    for row in systems.ROWS:
        run = found.get(row.name, {}).get("200")
        if run:
            yield row, run["delay_us"]["p99"], table.ms(run["delay_us"]["p99"])


PANELS = (("Requests a second, JSON of 1 KB, 32 connections (more is better)", _throughput),
          ("Delay of a token in ms, p99 of 200 streams (less is better)", _delay))


def _bar(row, value, words, most, y):
    width = max(1, (WIDTH - LABEL - VALUE) * value / most)
    label = html.escape(row.label.replace("*", ""))
    colour = COLOURS["postern" in row.name]
    return (f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{label}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
            f'<text x="{LABEL + width + 6:.1f}" y="{y + 15}">{words}</text>')


def draw(results):
    parts, y = [], 10
    for title, read in PANELS:
        bars = list(read(results))
        if not bars:
            continue
        y += 20
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
        y += 14
        most = max(value for _, value, _ in bars)
        for row, value, words in bars:
            parts.append(_bar(row, value, words, most, y))
            y += BAR + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" '
            f'viewBox="0 0 {WIDTH} {y + 10}" font-family="sans-serif" font-size="13">\n'
            '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")
