"""6. Ten times what there is capacity for: what gets through, and how fast the rest is told."""

import load
import systems
import table
from trial import merge
from upstreams import Streamer, question

NAME = "overload"
TITLE = "Overload: ten times capacity"
THREADS = 16
THINK_MS = 100
CAPACITY_PER_S = THREADS * 1000 // THINK_MS


def measure(trial):
    seconds = trial.choose(2, 6)
    body = question(512, seed=THINK_MS, max_tokens=100)

    def one(ground, row):
        system = systems.start(row, ground, f"http://127.0.0.1:{Streamer(ground).port}",
                               POSTERN_THREADS=THREADS)
        file = ground.write("question.json", body)
        peak = load.wrk(system, file, THREADS, trial.seconds)
        calls = 10 * CAPACITY_PER_S * seconds
        run = load.StreamLoad(system, body, calls, 0, seconds * 1000, 60000).result()
        good = run["statuses"].get("200", 0)
        run["goodput_per_s"] = good * 1000 / run["took_ms"]
        run["peak_per_s"] = (peak["requests"] - peak["bad_status"]) / peak["seconds"]
        return run

    return {"seconds": seconds,
            "rounds": trial.in_turn(systems.rows("postern", "postern-nginx"), one)}


def summary(result):
    return {name: merge(rounds) for name, rounds in result["rounds"].items()}


def report(result):
    found = summary(result)
    lines = []
    for row in systems.rows("postern", "postern-nginx"):
        run = found.get(row.name)
        if not run:
            continue
        statuses = ", ".join(f"{status}: {table.number(count)}"
                             for status, count in sorted(run["statuses"].items()))
        peak, good = run["peak_per_s"], run["goodput_per_s"]
        lines.append([row.label, table.number(peak), table.number(good), table.ratio(good, peak),
                      table.ms(run["good_us"]["p99"], 0), table.ms(run["shed_us"]["p50"], 1),
                      table.ms(run["shed_us"]["p99"], 1), statuses, table.number(run["cut"])])
    heads = ["", "peak/s", "goodput/s", "of peak", "good p99 ms", "shed p50 ms", "shed p99 ms",
             "statuses of all rounds", "no answer"]
    return table.render(heads, lines) + (
        f"\n\n{THREADS} threads, an upstream that thinks for {THINK_MS} ms, "
        f"{10 * CAPACITY_PER_S} new connections a second for {result['seconds']} s, whether they "
        "are answered or not.")
