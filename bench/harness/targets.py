"""The targets, each as (words, what was measured, whether it is met: None where it was not)."""

import part_cold
import part_counts
import part_growth
import part_json
import part_overload
import part_streams
import part_tls
import systems
import table
from trial import middle

MB = 1024
OURS = tuple(row.name for row in systems.ROWS if row.name.startswith("postern"))


def _at(found, *keys):
    for key in keys:
        found = found.get(key) if found else None
    return found


def _below(words, value, limit, text):
    return words, text if value is not None else "–", None if value is None else value <= limit


def _json(result):
    found = part_json.summary(result)
    postern, naive, lighttpd, portkey = (_at(found, name, "32") for name in
                                         ("postern", "naive", "lighttpd", "portkey"))
    own = part_json.cpu_us(postern, "postern.fcgi") if postern else None
    bare = part_json.cpu_us(naive, "naive") if naive else None
    yield _below("CPU of the responder per JSON request at most the naive relay's",
                 own / bare if own and bare else None, 1,
                 f"{table.ratio(own, bare)} ({table.number(own)} and {table.number(bare)} µs)")
    for words, base, least in (("Throughput at 32 connections at least lighttpd's mod_proxy "
                                "(1.2 times wanted)", lighttpd, 1),
                               ("Throughput at least 10 times Portkey's", portkey, 10)):
        value = postern["per_s"] / base["per_s"] if postern and base else None
        yield words, table.number(value, 2), None if value is None else value >= least


def _streams(result):
    found = part_streams.summary(result)
    for count in ("1", "200", "1000"):
        firsts = [_at(found, name, count, "first_us", "p50") for name in ("postern", "lighttpd")]
        added = None if None in firsts else firsts[0] - firsts[1]
        yield _below(f"First token at most 1 ms p50 later than by lighttpd's proxy, of {count}",
                     added, 1000, f"{table.ms(added)} ms")
    delay = _at(found, "postern", "200", "delay_us", "p99")
    yield _below("A token's delay at 200 streams, p99, at most 5 ms", delay, 5000,
                 f"{table.ms(delay)} ms")
    many = _at(found, "postern", "1000")
    each = part_streams.stream_kb(many, "postern.fcgi") if many else None
    yield _below("1,000 streams on one process: at most 48 KB each", each, 48,
                 f"{table.number(each, 1)} KB")
    wrong = [part_streams.wrong(run) for name in OURS for run in found.get(name, {}).values()]
    yield _below("Events lost or reordered, streams cut or refused, behind any server: none",
                 sum(wrong) if wrong else None, 0, table.number(sum(wrong)))


def _tls(result):
    many = _at(part_tls.summary(result), "postern", "streams")
    each = part_streams.stream_kb(many, "postern.fcgi") if many else None
    yield _below(f"{table.number(result['streams'])} streams behind TLS: at most 100 KB each", each,
                 100, f"{table.number(each, 1)} KB")


def _cold(result):
    idle = middle([idle["private_kb"] for idle in result["idle"]])
    first = middle(result["first_answer_us"])
    size = result["binary_bytes"]
    yield _below("An idle process at most 3 MB of private memory", idle, 3 * MB,
                 f"{table.mb(idle, 2)} MB")
    yield _below("The program at most 1 MB", size, 1e6, f"{table.number(size / 1e6, 2)} MB")
    yield _below("First answer at most 20 ms after start", first, 20000, f"{table.ms(first)} ms")


def _bodies(result):
    import part_bodies

    found = part_bodies.summary(result)
    extra = [run["peak_kb"] - part_bodies.SIZES[size] / 1024
             for name in OURS for size, ways in found.get(name, {}).items()
             for run in ways.values()]
    worst = max(extra) if extra else None
    yield _below("Memory for any body at most body + 8 MB, also with its model replaced", worst,
                 8 * MB, f"body + {table.mb(worst)} MB")


def _growth(result):
    against = part_growth.ratios(result)
    noise = part_growth.noise(result)
    counts = part_growth.instruction_ratios(result).values()
    for kind in ("upstreams", "routes", part_growth.SHARED):
        grown = [ratio for (which, size), ratio in against.items() if which == kind and size != "1"]
        worst = max(grown) if grown else None
        can_tell = worst is not None and noise is not None and noise <= part_growth.NOISE_MAX
        yield (f"No CPU time that grows with {kind} beyond noise",
               f"{table.number(worst, 2)} times, noise "
               f"{table.number(None if noise is None else noise * 100, 1)} %",
               worst <= 1 + noise if can_tell else None)
    yield ("Instructions of 64 upstreams or 1,000 routes, beside those of one: at worst",
           f"{table.number(max(counts) if counts else None, 3)} times", None)


def _overload(result):
    run = part_overload.summary(result).get("postern")
    share = run["goodput_per_s"] / run["peak_per_s"] if run else None
    shed = run["shed_us"]["p99"] if run else None
    yield ("Overload: goodput at least 90 % of peak", table.number(share and share * 100) + " %",
           None if share is None else share >= 0.9)
    yield _below("Shed answers p99 at most 50 ms", shed, 50000, f"{table.ms(shed, 1)} ms")
    odd = sum(times for status, times in run["statuses"].items()
              if status not in ("200", "503")) + run["cut"] if run else None
    yield _below("Overload: answers that are neither 200 nor postern's own 503: none", odd, 0,
                 table.number(odd))


def _counts(result):
    naive, postern = (part_counts.calls(result[name]) for name in ("naive", "postern"))
    instructions = [result[name]["instructions"]["instructions"] for name in ("naive", "postern")]
    yield ("System calls a request, beside the naive relay's",
           f"{table.number(postern, 1)} and {table.number(naive, 1)}", None)
    yield ("System calls for an event of a stream",
           table.number(sum(result["event"].values()), 1), None)
    yield ("Instructions a request in user space, beside the naive relay's",
           f"{table.number(instructions[1])} and {table.number(instructions[0])}", None)


JUDGES = {"json": _json, "streams": _streams, "tls": _tls, "bodies": _bodies, "cold": _cold,
          "overload": _overload, "growth": _growth, "counts": _counts}


def report(results):
    words = {True: "met", False: "**missed**", None: "–"}
    lines = [[text, value, words[is_met]] for name in JUDGES if name in results
             for text, value, is_met in _judge(name, results[name]["result"])]
    return table.render(["", "measured", ""], lines)


def _judge(name, result):
    try:
        return list(JUDGES[name](result))
    except (KeyError, TypeError, IndexError):  # results of an older harness
        return [(f"`bench/run {name}` has to be run again", "–", None)]
