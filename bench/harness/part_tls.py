"""4. An upstream behind TLS: warm connections, resumed handshakes, full ones; many streams."""

import load
import meter
import part_streams
import systems
import table
from ground import Ground
from trial import merge
from upstreams import JsonUpstream, Streamer, question, trust

NAME = "tls"
TITLE = "An upstream behind TLS"
ROWS = ("nginx", "naive", "postern")
WAYS = {"warm": "warm connections", "resumed": "a resumed handshake each",
        "full": "a full handshake each"}
HANDSHAKE_CONNECTIONS = 10


def measure(trial):
    counts = trial.choose([10], [1, 10, 100])
    streams, seconds = trial.choose((200, 2), (1000, 5))

    def one(ground, row):
        upstream = JsonUpstream(ground, Streamer(ground).port)
        body = ground.write("question.json", question(1024, max_tokens=1))
        found = {way: _way(trial, ground, row, upstream, way, body,
                           counts if way == "warm" else [HANDSHAKE_CONNECTIONS]) for way in WAYS}
        if row.streams_max >= streams:
            found["streams"] = part_streams.run_new(
                row, f"https://127.0.0.1:{upstream.tls_streams}", streams, seconds,
                prepare=lambda inner: trust(ground, inner), **_settings(row, trust(ground, ground)))
        return found

    return {"counts": counts, "streams": streams,
            "rounds": trial.in_turn(systems.rows(*ROWS), one)}


def _settings(row, authority):
    return {"POSTERN_CA_FILE": authority} if row.is_gateway else {}


def _way(trial, ground, row, upstream, way, body, counts):
    with Ground() as inner:
        system = systems.start(row, inner, f"https://127.0.0.1:{upstream.tls[way]}",
                               **_settings(row, trust(ground, inner)))
        return {str(count): _run(trial, system, upstream, way, body, count) for count in counts}


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
    return max(0, 1 - run["handshakes"] / run["requests"]) if run["requests"] else None


def _requests(result, found):
    for row in systems.rows(*ROWS):
        for way, words in WAYS.items():
            for count, run in found.get(row.name, {}).get(way, {}).items():
                cpu = sum(run["cpu"].values()) * 1e6 / max(1, run["requests"])
                resumed = 100 * run["resumed"] / run["logged"] if run["logged"] else None
                warm = warm_share(run)
                yield [f"{row.label}, {words}, connections: {count}", table.number(run["per_s"]),
                       table.ms(run["p50_us"]), table.ms(run["p99_us"]), table.number(cpu),
                       table.number(None if warm is None else 100 * warm, 2),
                       table.number(resumed) if way != "warm" else "–",
                       table.number(run["bad_status"] + run["broken"])]


def report(result):
    found = summary(result)
    heads = ["", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "found a warm one %",
             "resumed %", "failed"]
    streams = [part_streams.cells(row, found[row.name]["streams"], None)
               for row in systems.rows(*ROWS) if "streams" in found.get(row.name, {})]
    return "\n\n".join([
        table.render(heads, _requests(result, found)),
        f"**{result['streams']} streams at once, with TLS**",
        table.render(part_streams.HEADS, streams),
        "Before the streams' upstream stands an nginx for its TLS, whose time is in theirs."])
