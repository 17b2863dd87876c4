"""What the work on speed bought: bench/results/before beside the results of now."""

import part_counts
import part_json
import table


def _ratio(result, ours, theirs, value):
    found = part_json.summary(result)
    runs = [found.get(name, {}).get("32") for name in (ours, theirs)]
    return value(runs[0], ours) / value(runs[1], theirs) if all(runs) else None


def _json(result):
    def cpu(run, name):
        return part_json.cpu_us(run, "postern.fcgi" if name == "postern" else name)

    def rate(run, _name):
        return run["per_s"]

    yield "CPU of a request, × the naive relay's", _ratio(result, "postern", "naive", cpu), 2
    yield ("requests/s at 32 connections, × lighttpd's mod_proxy",
           _ratio(result, "postern", "lighttpd", rate), 2)


def _counts(result):
    yield "system calls of a request", part_counts.calls(result["postern"]), 1
    yield "system calls of an event of a stream", sum(result["event"].values()), 1
    for tool in ("instructions", "heap"):
        for name, value in result["postern"][tool].items():
            yield f"{name.replace('_', ' ')} of a request", value, 0


def _micro(result):
    for part, row in result.items():
        yield f"instructions, `{part}`: {row['what']}", row["instructions"], 1


TELLERS = {"json": _json, "counts": _counts, "micro": _micro}


def report(before, now):
    """Of what was measured then and now; results are as report.py reads them."""
    lines = []
    for name, tell in TELLERS.items():
        if name not in before or name not in now:
            continue
        then = {words: value for words, value, _ in tell(before[name]["result"])}
        for words, value, digits in tell(now[name]["result"]):
            if then.get(words) and value:
                lines.append([words, table.number(then[words], digits), table.number(value, digits),
                              f"{value / then[words]:.2f}"])
    return table.render(["", "before", "now", "×"], lines)
