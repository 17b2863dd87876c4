"""7. The same with more upstreams, more processes on one state file, more routes."""

import json

import load
import meter
import systems
import table
from part_counts import instructions_per_request
from trial import merge, middle
from upstreams import JsonUpstream, question

NAME = "growth"
TITLE = "Growth"
CANDIDATES_MAX = 32  # of one route
SHARED, ALONE = "processes", "processes, a state file each"
KINDS = {"upstreams": (1, 10, 64), "routes": (1, 100, 1000), SHARED: (1, 4, 16), ALONE: (4, 16)}
NOISE_MAX = 0.15  # a machine that is this restless tells nothing about growth


def measure(trial):
    row = systems.row("postern")
    cases = [(kind, size) for kind, sizes in KINDS.items()
             for size in trial.choose(sizes[:1] + sizes[-1:], sizes)]
    turns = trial.take_turns({
        f"{size} {kind}": lambda ground, kind=kind, size=size: _run(trial, ground, row, kind, size)
        for kind, size in cases})
    found = {kind: {} for kind in KINDS}
    for kind, size in cases:
        found[kind][str(size)] = turns.get(f"{size} {kind}", [])
    counted = {kind: {str(size): _instructions(trial, kind, size) for which, size in cases
                      if which == kind} for kind in ("upstreams", "routes")}
    return {"rounds": found, "instructions": counted}


def site(url, upstreams, routes):
    """A postern.json: the last route takes our model, and tries upstreams one after another."""
    names = [f"u{i}" for i in range(upstreams)]
    table_rows = [{"model": f"model-{i}", "try": ["u0"]} for i in range(routes - 1)]
    return {"upstreams": {name: {"url": url, "key": f"bench-key-of-{name}-0123456789"}
                          for name in names},
            "routes": table_rows + [{"model": "*", "try": names[:CANDIDATES_MAX]}]}


def _config(ground, url, kind, size):
    upstreams, routes = (size if kind == name else 1 for name in ("upstreams", "routes"))
    return ground.write("postern.json", json.dumps(site(url, upstreams, routes)))


def _run(trial, ground, row, kind, size):
    url = f"http://127.0.0.1:{JsonUpstream(ground).port}"
    system = systems.start(row, ground, url, POSTERN_CONFIG=_config(ground, url, kind, size),
                           processes=size if kind in (SHARED, ALONE) else 1,
                           own_states=kind == ALONE)
    body = ground.write("question.json", question(1024, max_tokens=1))
    load.wrk(system, body, 32, trial.warm_seconds)
    before = meter.cpu_seconds(system.roots)
    run = load.wrk(system, body, 32, trial.seconds)
    run["cpu"] = meter.cpu_between(before, meter.cpu_seconds(system.roots))
    return run


def _instructions(trial, kind, size):
    """Of a request, in user space: nothing that the machine does beside it changes them."""
    trial.say(f"  instructions: {size} {kind}")
    return instructions_per_request(lambda ground, url: {
        "POSTERN_CONFIG": _config(ground, url, kind, size)})


def summary(result):
    return {kind: {size: merge(rounds) for size, rounds in sizes.items() if rounds}
            for kind, sizes in result["rounds"].items()}


def cpu_us(run):
    return run["cpu"].get("postern.fcgi", 0) * 1e6 / max(1, run["requests"])


# --- does it grow? --------------------------------------------------------------------------------


def noise(result):
    """How far the runs of one upstream, of one process and of one route, which are all the same,
    lie from their median at most; as a share of it."""
    same = [cpu_us(run) for sizes in result["rounds"].values() for run in sizes.get("1", [])]
    if len(same) < 3:
        return None
    return max(abs(cost / middle(same) - 1) for cost in same)


def base_cost(found, kind, size):
    """What a row is compared with: the first of its kind; for processes on one state file as many
    of them with a file each, because processes share more than a file: two processors."""
    if kind == SHARED and size != "1":
        return cpu_us(found[ALONE][size]) if size in found.get(ALONE, {}) else None
    same = [cpu_us(found[name]["1"]) for name in found if "1" in found[name]]
    return middle(same)


def ratios(result):
    """{(kind, size): CPU time a request, against what it is compared with}"""
    found = summary(result)
    costs = {(kind, size): (cpu_us(run), base_cost(found, kind, size))
             for kind, sizes in found.items() for size, run in sizes.items()}
    return {key: cost / base for key, (cost, base) in costs.items() if cost and base}


def instruction_ratios(result):
    return {(kind, size): count / sizes["1"] for kind, sizes in result["instructions"].items()
            for size, count in sizes.items()}


def report(result):
    lines, against, counts = [], ratios(result), instruction_ratios(result)
    for kind, sizes in summary(result).items():
        for size, run in sizes.items():
            lines.append([f"{size} {kind}", table.number(run["per_s"]), table.ms(run["p99_us"]),
                          table.number(cpu_us(run), 1),
                          table.number(against.get((kind, size)), 2),
                          table.number(result["instructions"].get(kind, {}).get(size)),
                          table.number(counts.get((kind, size)), 3),
                          table.number(run["bad_status"] + run["broken"])])
    heads = ["", "requests/s", "p99 ms", "CPU µs/request of postern", "× its base",
             "instructions/request", "× one", "failed"]
    spread = noise(result)
    percent = table.number(None if spread is None else 100 * spread, 1)
    return table.render(heads, lines) + (
        "\n\nThe base is the median of the runs of one; for processes on one state file as many "
        "with a file each, since processes also share two processors. Noise is how far any run of "
        f"one lies from that median: {percent} % here.")
