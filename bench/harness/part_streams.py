"""2. Streams of 50 tokens a second: what a gateway adds to the first token and to each next one."""

import time

import load
import meter
import systems
import table
from ground import Ground
from trial import merge
from upstreams import Streamer, question

NAME = "streams"
TITLE = "Streams, 50 tokens a second each"
RATE_PER_S = 50


def measure(trial):
    counts = trial.choose([200], [1, 200, 1000])
    seconds = trial.choose(2, 5)

    def one(ground, row):
        url = f"http://127.0.0.1:{Streamer(ground).port}"
        return {str(count): run_new(row, url, count, seconds)
                for count in counts if count <= row.streams_max}

    rows = [row for row in systems.ROWS if row.streams_max > 0]
    return {"counts": counts, "rounds": trial.in_turn(rows, one)}


def run_new(row, url, count, seconds, prepare=None, **settings):
    """On processes that held no other streams: what those left behind would count as idle."""
    with Ground() as ground:
        if prepare:
            prepare(ground)
        system = systems.start(row, ground, url, **settings)
        return _run(system, count, min(seconds, 3) if count == 1 else seconds)


def _warm(system, count):
    """Streams of five events, so that no code is run for the first time."""
    for _ in range(3):
        load.StreamLoad(system, question(512, stream=True, max_tokens=5), count, 5).result()


def _run(system, count, seconds):
    ramp_s = 1 if count > 1 else 0
    tokens = seconds * RATE_PER_S
    _warm(system, 1 if count == 1 else 10)
    idle = meter.memory(system.roots)
    before = meter.cpu_seconds(system.roots)
    running = load.StreamLoad(system, question(512, stream=True, max_tokens=tokens), count, tokens,
                              ramp_s * 1000, (seconds * 3 + 10) * 1000)
    time.sleep(ramp_s + seconds / 3)  # all have begun, none is over
    busy = meter.memory(system.roots)
    run = running.result()
    run["cpu"] = meter.cpu_between(before, meter.cpu_seconds(system.roots))
    run["memory"], run["idle"] = busy, idle
    return run


def summary(result):
    return {name: merge(rounds) for name, rounds in result["rounds"].items()}


def wrong(run):
    """Events that were lost or came in another order, streams that were cut or refused."""
    refused = sum(times for status, times in run["statuses"].items() if status != "200")
    return run["lost"] + run["reordered"] + run["cut"] + refused


def stream_kb(run, program):
    """Memory for each stream, of that program alone; of one it would tell nothing."""
    if program not in run["memory"] or run["calls"] == 1:
        return None
    idle = run["idle"].get(program, {"private_kb": 0})["private_kb"]
    return (run["memory"][program]["private_kb"] - idle) / run["calls"]


HEADS = ["", "first token p50 ms", "added", "a token's delay p50 ms", "p99 ms",
         "lost, reordered, cut, refused", "KB a stream", "RSS MB", "CPU ms per 1,000 events"]


def cells(row, run, base):
    """A row of the table; `base` is the run without a gateway, None where there was none."""
    first = run["first_us"]["p50"]
    events = max(1, run["delay_us"]["count"])
    cpu = sum(run["cpu"].values())
    added = first - base["first_us"]["p50"] if base else None
    return [row.label, table.ms(first), table.ms(added),
            table.ms(run["delay_us"]["p50"]), table.ms(run["delay_us"]["p99"]),
            table.number(wrong(run)), table.number(stream_kb(run, row.program), 1),
            table.mb(run["memory"].get(row.program, {}).get("rss_kb")),
            table.number(cpu * 1e6 / events, 1) if cpu else "–"]


def report(result):
    found = summary(result)
    parts = []
    for count in map(str, result["counts"]):
        base = found.get("direct", {}).get(count)
        rows = [cells(row, found[row.name][count], base) for row in systems.ROWS
                if count in found.get(row.name, {})]
        parts.append(f"**{count} at once**\n\n" + table.render(HEADS, rows))
    parts.append("A token's delay is the time from the upstream's `send` to the client's `recv`. "
                 "KB a stream is private memory of the gateway's own process beyond what it had "
                 "before them; RSS is all of it, with libraries that others share. What was lost, "
                 "and the like, is that of all rounds together.")
    return "\n\n".join(parts)
