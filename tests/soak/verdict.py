#!/usr/bin/env python3
"""Reads what watch.py and load.py wrote, prints the curves as a table and says whether it is well.

    verdict.py CURVES.TSV LOAD.JSON [SVG]

Well means: the process lived; no answer was wrong; when nothing was asked any more descriptors and
threads were back at what they were before, within the stated time, and memory at what was left of the
first minute's load, but for a few bytes a request; and under steady load it levelled off. Memory is the
anonymous part (RSS where that cannot be read).

Under load it need not stand still: each thread keeps blocks that it freed for its next request (glibc's
cache, 64 sizes of 7 blocks, 236 KiB at most), those of rare sizes come last, and they go when the thread
ends. So the line through the median of each ten seconds, without the first ten minutes, may rise a little
for each thread (a shorter run is not judged by it), and what is a leak is seen in silence. Exit 1: not
well.
"""

import json
import statistics
import sys

SLOPE_MAX_KIB = 1  # a minute for each thread
WARM_S = 600
SLOPE_LEAST_S = 300  # of what comes then: less says nothing
LEFT_MAX_BYTES = 8  # for each request; what leaks, leaks more: no block is smaller than 32
LEFT_LEAST_KIB = 512  # that may stay in any case: heaps with holes
RETURN_MAX_S = 90  # an idle thread's minute; an idle connection's, and ten seconds until the sweep
SPARE = 2  # more than before, which is no leak: a log that was opened, a thread that was not yet


def read(path):
    with open(path, encoding="ascii") as lines:
        names = next(lines).rstrip("\n").split("\t")
        rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]
    for row in rows:
        row.update({name: int(value) for name, value in row.items() if name != "phase"})
        row["memory_kib"] = row["anonymous_kib"] if row["anonymous_kib"] >= 0 else row["rss_kib"]
    return rows


def slope(points):
    """Of the line through the points with the least squares."""
    if len(points) < 3:
        return 0.0
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    square = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / square


def medians(rows, name, seconds):
    parts = [rows[at:at + seconds] for at in range(0, len(rows), seconds)]
    return [(part[0]["second"], statistics.median(row[name] for row in part)) for part in parts]


def table(rows):
    print(f"{'minute':>6} {'phase':<6} {'memory':>9} {'rss':>9} {'virtual':>9} {'fds':>5} {'threads':>7}")
    for at in range(0, len(rows), 60):
        part = rows[at:at + 60]
        middle = {name: statistics.median(row[name] for row in part)
                  for name in ("memory_kib", "rss_kib", "virtual_kib", "descriptors", "threads")}
        print(f"{at // 60:>6} {part[-1]['phase']:<6} {middle['memory_kib']:>9.0f} {middle['rss_kib']:>9.0f} "
              f"{middle['virtual_kib']:>9.0f} {middle['descriptors']:>5.0f} {middle['threads']:>7.0f}")


def seconds_to_return(rows, name, base):
    """How long after the load it was for good at what it was before; None: it is not."""
    late = [row["second"] for row in rows if row[name] > base + SPARE]
    if not late:
        return 0
    if late[-1] == rows[-1]["second"]:
        return None
    return late[-1] + 1 - rows[0]["second"]


COLOURS = {"memory_kib": "#c0392b", "descriptors": "#2471a3", "threads": "#1e8449"}
TITLES = {"memory_kib": "anonymous memory, KiB", "descriptors": "descriptors", "threads": "threads"}


def draw(path, rows):
    width, height, gap = 900, 150, 40
    last = max(rows[-1]["second"], 1)
    loads = [row["second"] for row in rows if row["phase"] == "load"] or [0]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 20}" '
             f'height="{3 * (height + gap)}" font-family="sans-serif" font-size="12">']
    for number, name in enumerate(TITLES):
        top, most = number * (height + gap) + 25, max(max(row[name] for row in rows), 1)
        x = [10 + width * second / last for second in (loads[0], loads[-1])]
        points = " ".join(f"{10 + width * row['second'] / last:.1f},{top + height - height * max(row[name], 0) / most:.1f}"
                          for row in rows)
        parts += [f'<rect x="{x[0]:.1f}" y="{top}" width="{x[1] - x[0]:.1f}" height="{height}" fill="#f2f2f2"/>',
                  f'<text x="10" y="{top - 6}">{TITLES[name]}: at most {most}; grey: under load, '
                  f'{last // 60} minutes in all</text>',
                  f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}"/>']
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join([*parts, "</svg>", ""]))


def judge(rows, load):
    """Pairs of (is it well, what was found)."""
    names = ("before", "warm", "rest", "load", "idle")
    phases = {name: [row for row in rows if row["phase"] == name] for name in names}
    if not all(phases.values()):
        yield False, f"the process did not live to the end: {rows[-1]['phase']}, second {rows[-1]['second']}"
        return
    wrong = sum(load["wrong"].values())
    yield wrong == 0, f"{wrong} of {load['requests']} answers were wrong"
    warm = phases["load"][WARM_S:]
    if len(warm) >= SLOPE_LEAST_S:
        rate = 60 * slope(medians(warm, "memory_kib", 10))
        slope_max = SLOPE_MAX_KIB * max(row["threads"] for row in warm)
        yield rate <= slope_max, (f"memory under load: {rate:+.1f} KiB a minute over the last "
                                  f"{len(warm) / 60:.0f} minutes (at most {slope_max})")
    floors = [phases[name][-1]["memory_kib"] for name in ("before", "rest", "idle")]
    left_max = max(LEFT_LEAST_KIB, LEFT_MAX_BYTES * load["requests"] // 1024)
    yield floors[2] - floors[1] <= left_max, (
        f"memory in silence: {floors[0]} KiB before, {floors[1]} after a minute of load, {floors[2]} at the end "
        f"(at most {floors[1] + left_max}); {max(row['memory_kib'] for row in rows)} at the most")
    for name in ("descriptors", "threads"):
        base = max(row[name] for row in phases["before"])
        most = max(row[name] for row in phases["load"])
        took = seconds_to_return(phases["idle"], name, base)
        is_well = took is not None and took <= RETURN_MAX_S
        end = "never came back" if took is None else f"back after {took} s"
        yield is_well, f"{name}: {base} before, at most {most}, {end} (at most {RETURN_MAX_S})"


def main():
    rows = read(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        load = json.load(file)
    table(rows)
    is_well = True
    print()
    for well, text in judge(rows, load):
        is_well &= well
        print("well " if well else "BAD  ", text)
    for what, count in sorted(load["wrong"].items(), key=lambda item: -item[1])[:20]:
        print(f"      {count} × {what}")
    if len(sys.argv) > 3:
        draw(sys.argv[3], rows)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
