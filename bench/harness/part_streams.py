"""2. Streams of 50 tokens a second: what a gateway adds to the first token and to each next one."""

import time

import load
import meter
import systems
import table
from trial import merge
from upstreams import Streamer, question

NAME = "streams"
TITLE = "Streams, 50 tokens a second each"
RATE_PER_S = 50


def measure(trial):
    counts = trial.choose([200], [1, 200, 1000])
    seconds = trial.choose(2, 6)
    tokens = seconds * RATE_PER_S
    body = question(512, stream=True, max_tokens=tokens)

    def one(ground, row):
        system = systems.start(row, ground, f"http://127.0.0.1:{Streamer(ground).port}")
        load.StreamLoad(system, question(512, stream=True, max_tokens=5), 1, 5).result()
        return {str(count): _run(system, body, count, tokens, seconds)
                for count in counts if count <= row.streams_max}

    rows = [row for row in systems.ROWS if row.streams_max > 0]
    return {"counts": counts, "tokens": tokens, "rounds": trial.in_turn(rows, one)}


def _run(system, body, count, tokens, seconds):
    ramp_s = 1 if count > 1 else 0
    idle = meter.memory(system.roots)
    before = meter.cpu_seconds(system.roots)
    running = load.StreamLoad(system, body, count, tokens, ramp_s * 1000,
                              (seconds * 3 + 10) * 1000)
    time.sleep(ramp_s + seconds / 3)  # all have begun, none is over
    busy = meter.memory(system.roots)
    run = running.result()
    run["cpu"] = meter.cpu_between(before, meter.cpu_seconds(system.roots))
    run["memory"], run["idle"] = busy, idle
    return run


def summary(result):
    return {name: merge(rounds) for name, rounds in result["rounds"].items()}


def stream_kb(run, program):
    """Memory for each stream, of that program alone."""
    if program not in run["memory"]:
        return None
    idle = run["idle"].get(program, {"private_kb": 0})["private_kb"]
    return (run["memory"][program]["private_kb"] - idle) / run["calls"]


def _rows(found, count):
    base = found.get("direct", {}).get(count)
    for row in systems.ROWS:
        run = found.get(row.name, {}).get(count)
        if not run:
            continue
        first = run["first_us"]["p50"]
        events = max(1, run["delay_us"]["count"])
        cpu = sum(run["cpu"].values())
        added = first - base["first_us"]["p50"] if base else None
        yield [row.label, table.ms(first), table.ms(added),
               table.ms(run["delay_us"]["p50"]), table.ms(run["delay_us"]["p99"]),
               table.number(run["lost"] + run["reordered"] + run["cut"]),
               table.number(stream_kb(run, row.program), 1),
               table.number(cpu * 1e6 / events, 1) if cpu else "–"]


def report(result):
    found = summary(result)
    heads = ["", "first token p50 ms", "added", "a token's delay p50 ms", "p99 ms",
             "lost, reordered, cut", "KB a stream", "CPU ms per 1,000 events"]
    parts = []
    for count in result["counts"]:
        parts.append(f"**{count} at once**\n\n" + table.render(heads, _rows(found, str(count))))
    parts.append("A token's delay is the time from the upstream's `send` to the client's `recv`. "
                 "KB a stream is private memory of the gateway's own process.")
    return "\n\n".join(parts)
