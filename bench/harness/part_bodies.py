"""3. Bodies of 10 KB to 10 MB, up and down: throughput, and what they cost in memory."""

import time

import load
import meter
import systems
import table
from ground import Failed, Ground
from trial import merge
from upstreams import Streamer, question

NAME = "bodies"
TITLE = "Large bodies"
SIZES = {"10 KB": 10 << 10, "1 MB": 1 << 20, "10 MB": 10 << 20}
ROWS = ("nginx", "lighttpd", "postern", "postern-nginx")
ANOTHER_MODEL = "another-model-of-the-upstream"


def measure(trial):
    sizes = trial.choose(["1 MB"], list(SIZES))
    seconds = trial.choose(1, 2)

    def one(ground, row):
        streamer = Streamer(ground)
        return {size: _ways(row, f"http://127.0.0.1:{streamer.port}", SIZES[size], seconds)
                for size in sizes}

    return {"sizes": sizes, "rounds": trial.in_turn(systems.rows(*ROWS), one)}


def question_for(way, size):
    return question(size, max_tokens=1) if way == "up" else question(0, max_tokens=size)


def _ways(row, url, size, seconds):
    found = {way: _run(row, url, question_for(way, size), seconds) for way in ("up", "down")}
    if row.is_gateway:  # what is sent is then not what came
        found["other"] = _run(row, url, question_for("up", size), 0,
                              PRIMARY_OPENAI_MODEL=ANOTHER_MODEL)
    return found


def _run(row, url, text, seconds, **settings):
    """On a ground of its own: the highest memory so far is asked for. No seconds: only that."""
    with Ground() as ground:
        system = systems.start(row, ground, url, **settings)
        idle = meter.memory(system.roots)
        for _ in range(3):
            if systems.ask(system, text, timeout_s=20) != 200:
                raise Failed(f"{row.label} did not answer a body of {len(text)} bytes")
            time.sleep(0.1)  # what is freed after the answer is freed
        peak = meter.memory(system.roots)
        run = {}
        if seconds:
            run = load.wrk(system, ground.write("question.json", text), 4, seconds)
        run["peak_kb"] = sum(peak[name]["peak_kb"] - idle.get(name, {"rss_kb": 0})["rss_kb"]
                             for name in peak if name == row.program)
        run["rss_kb"] = sum(peak[name]["peak_kb"] for name in peak if name == row.program)
        return run


def summary(result):
    return {name: merge(rounds) for name, rounds in result["rounds"].items()}


def report(result):
    found = summary(result)
    lines = []
    for row in systems.rows(*ROWS):
        for size in result["sizes"]:
            runs = found.get(row.name, {}).get(size)
            if not runs:
                continue
            cells = [f"{row.label}, {size}"]
            for way in ("up", "down"):
                cells += [table.number(runs[way]["per_s"] * SIZES[size] / 1e6),
                          table.mb(runs[way]["rss_kb"]), table.mb(runs[way]["peak_kb"]),
                          table.number(runs[way]["bad_status"] + runs[way]["broken"])]
            cells.append(table.mb(runs.get("other", {}).get("peak_kb")))
            lines.append(cells)
    heads = [""] + [f"{way} {what}" for way in ("up", "down")
                    for what in ("MB/s", "peak RSS MB", "above idle", "failed")]
    return table.render([*heads, "up, model replaced: above idle"], lines) + (
        "\n\nThroughput with 4 connections; the peak with one request at a time, of the gateway's "
        "own process, and how much of it is above its RSS before the first of them.")
