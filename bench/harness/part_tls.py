"""4. An upstream behind TLS: warm connections, resumed handshakes, full ones."""

import load
import meter
import systems
import table
from trial import merge
from upstreams import JsonUpstream, question

NAME = "tls"
TITLE = "An upstream behind TLS"
ROWS = ("nginx", "postern")
WAYS = {"warm": "warm connections", "resumed": "a resumed handshake each",
        "full": "a full handshake each"}


def measure(trial):
    counts = trial.choose([10], [1, 10, 100])

    def one(ground, row):
        upstream = JsonUpstream(ground)
        body = ground.write("question.json", question(1024, max_tokens=1))
        found = {}
        for way in WAYS:
            with type(ground)() as inner:
                (inner.directory / "upstream.crt").write_bytes(
                    (ground.directory / "upstream.crt").read_bytes())
                system = systems.start(
                    row, inner, f"https://127.0.0.1:{upstream.tls[way]}",
                    **({"POSTERN_CA_FILE": inner.directory / "upstream.crt"}
                       if row.is_gateway else {}))
                found[way] = {str(count): _run(trial, system, upstream, way, body, count)
                              for count in (counts if way == "warm" else [10])}
        return found

    return {"counts": counts, "rounds": trial.in_turn(systems.rows(*ROWS), one)}


def _run(trial, system, upstream, way, body, count):
    load.wrk(system, body, count, trial.warm_seconds)
    upstream.clear_log(way)
    accepted = upstream.accepted()
    before = meter.cpu_seconds(system.roots)
    run = load.wrk(system, body, count, trial.seconds)
    run["cpu"] = meter.cpu_between(before, meter.cpu_seconds(system.roots))
    run["handshakes"] = upstream.accepted() - accepted - 1  # one is the question's own
    run["resumed"], run["logged"] = upstream.resumed(way)
    return run


def summary(result):
    return {name: merge(rounds) for name, rounds in result["rounds"].items()}


def warm_share(run):
    return 1 - run["handshakes"] / run["requests"] if run["requests"] else None


def report(result):
    found = summary(result)
    lines = []
    for row in systems.rows(*ROWS):
        for way, words in WAYS.items():
            for count, run in found.get(row.name, {}).get(way, {}).items():
                cpu = sum(run["cpu"].values()) * 1e6 / max(1, run["requests"])
                resumed = 100 * run["resumed"] / run["logged"] if run["logged"] else None
                lines.append([f"{row.label}, {words}, {count} connections",
                              table.number(run["per_s"]), table.ms(run["p50_us"]),
                              table.ms(run["p99_us"]), table.number(cpu),
                              table.number(100 * max(0, warm_share(run)), 2),
                              table.number(resumed) if way != "warm" else "–"])
    heads = ["", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "found a warm one %",
             "resumed %"]
    return table.render(heads, lines)
