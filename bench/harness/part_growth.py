"""7. The same with more upstreams, more processes on one state file, more routes."""

import json

import load
import meter
import systems
import table
from trial import merge
from upstreams import JsonUpstream, question

NAME = "growth"
TITLE = "Growth"
CANDIDATES_MAX = 32  # of one route
KINDS = {"upstreams": (1, 10, 64), "processes": (1, 4, 16), "routes": (1, 100, 1000)}


def measure(trial):
    cases = [(kind, size) for kind, sizes in KINDS.items()
             for size in trial.choose(sizes[-1:], sizes)]
    row = systems.row("postern")
    found = {}
    for kind, size in cases:
        rounds = trial.in_turn([row], lambda ground, _: _run(trial, ground, row, kind, size))
        found.setdefault(kind, {})[str(size)] = rounds.get(row.name, [])
    return {"rounds": found}


def site(url, upstreams, routes):
    """A postern.json: the last route takes our model, and tries upstreams one after another."""
    names = [f"u{i}" for i in range(upstreams)]
    table_rows = [{"model": f"model-{i}", "try": ["u0"]} for i in range(routes - 1)]
    return {"upstreams": {name: {"url": url, "key": f"bench-key-of-{name}-0123456789"}
                          for name in names},
            "routes": table_rows + [{"model": "*", "try": names[:CANDIDATES_MAX]}]}


def _run(trial, ground, row, kind, size):
    url = f"http://127.0.0.1:{JsonUpstream(ground).port}"
    upstreams, routes, processes = (size if kind == name else 1
                                    for name in ("upstreams", "routes", "processes"))
    config = ground.write("postern.json", json.dumps(site(url, upstreams, routes)))
    settings = {"POSTERN_CONFIG": config, "processes": processes}
    system = systems.start(row, ground, url, **settings)
    body = ground.write("question.json", question(1024, max_tokens=1))
    load.wrk(system, body, 32, trial.warm_seconds)
    before = meter.cpu_seconds(system.roots)
    run = load.wrk(system, body, 32, trial.seconds)
    run["cpu"] = meter.cpu_between(before, meter.cpu_seconds(system.roots))
    return run


def summary(result):
    return {kind: {size: merge(rounds) for size, rounds in sizes.items() if rounds}
            for kind, sizes in result["rounds"].items()}


def cpu_us(run):
    return run["cpu"].get("postern.fcgi", 0) * 1e6 / max(1, run["requests"])


def report(result):
    lines = []
    for kind, sizes in summary(result).items():
        base = next(iter(sizes.values()), None)
        for size, run in sizes.items():
            lines.append([f"{size} {kind}", table.number(run["per_s"]),
                          table.ratio(run["per_s"], base["per_s"]), table.ms(run["p99_us"]),
                          table.number(cpu_us(run), 1), table.ratio(cpu_us(run), cpu_us(base)),
                          table.number(run["bad_status"] + run["broken"])])
    heads = ["", "requests/s", "× the first", "p99 ms", "CPU µs/request of postern",
             "× the first", "failed"]
    return table.render(heads, lines)
