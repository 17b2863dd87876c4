"""1. JSON of 1 KB: throughput, latency, CPU time and memory at 1 to 256 connections."""

import load
import meter
import systems
import table
from trial import merge
from upstreams import JsonUpstream, question

NAME = "json"
TITLE = "JSON, 1 KB up and 1 KB down"


def measure(trial):
    counts = trial.choose([32], [1, 10, 32, 256])

    def one(ground, row):
        upstream = JsonUpstream(ground)
        system = systems.start(row, ground, f"http://127.0.0.1:{upstream.port}")
        body = ground.write("question.json", question(1024, max_tokens=1))
        load.wrk(system, body, 32, 2 * trial.warm_seconds)  # node compiles while it runs
        found = {}
        for count in counts:
            before = meter.cpu_seconds(system.roots)
            run = load.wrk(system, body, count, trial.seconds)
            run["cpu"] = meter.cpu_between(before, meter.cpu_seconds(system.roots))
            run["memory"] = meter.memory(system.roots)
            found[str(count)] = run
        return found

    return {"connections": counts, "rounds": trial.in_turn(systems.ROWS, one)}


def summary(result):
    """{system: {connections: the medians}}"""
    return {name: merge(rounds) for name, rounds in result["rounds"].items()}


def cpu_us(run, program=None):
    """Per request: of one program, or of the whole system."""
    seconds = run["cpu"].get(program, 0) if program else sum(run["cpu"].values())
    return seconds * 1e6 / run["requests"] if run["requests"] else None


def _rows(found, count):
    base = found.get("lighttpd", {}).get(count, {}).get("per_s")
    for row in systems.ROWS:
        run = found.get(row.name, {}).get(count)
        if not run:
            continue
        memory = run["memory"].get(row.program, {})
        yield [row.label, table.number(run["per_s"]), table.ratio(run["per_s"], base),
               table.ms(run["p50_us"]), table.ms(run["p99_us"]),
               table.number(cpu_us(run)) if run["cpu"] else "–",
               table.number(cpu_us(run, row.program)) if row.program else "–",
               table.mb(memory.get("rss_kb")), table.number(run["bad_status"] + run["broken"])]


def report(result):
    found = summary(result)
    heads = ["", "requests/s", "× lighttpd", "p50 ms", "p99 ms", "CPU µs/request, all",
             "of the gateway itself", "its RSS MB", "failed"]
    parts = []
    for count in result["connections"]:
        parts.append(f"**{count} connections**\n\n" + table.render(heads, _rows(found, str(count))))
    return "\n\n".join(parts)
