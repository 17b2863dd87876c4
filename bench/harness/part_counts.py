"""What one JSON request makes the process do: system calls, instructions, allocations.

Each tool runs the program twice, with few and with many requests one after another on FastCGI
connections; what the two differ by is what a request costs on a warm process.
"""

import os
import re
import signal
import socket
import time

import fcgi
import systems
import table
from ground import POSTERN, PROGRAMS, Failed, Ground
from upstreams import JsonUpstream, Streamer, question

NAME = "counts"
TITLE = "What one JSON request costs inside the process"
FEW, MANY = 20, 120
JSON_BODY = question(1024, max_tokens=1)


def _strace(log):
    """{call: times}"""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", log, re.M)
    return {call: int(times) for times, call in rows if call != "total"}


def _callgrind(log):
    return {"instructions": int(re.search(r"Collected : (\d+)", log).group(1))}


def _memcheck(log):
    allocations, size = re.search(r"total heap usage: ([\d,]+) allocs, .* ([\d,]+) bytes",
                                  log).groups()
    return {"allocations": int(allocations.replace(",", "")),
            "allocated_bytes": int(size.replace(",", ""))}


TOOLS = {
    "calls": (["strace", "-f", "-c", "-o", "@LOG@"], _strace),
    "instructions": (["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                      "--log-file=@LOG@"], _callgrind),
    "heap": (["valgrind", "--tool=memcheck", "--undef-value-errors=no", "--log-file=@LOG@"],
             _memcheck),
}


def _no_settings(_ground, _url):
    return {}


def _run(url, program, tool, times, body=JSON_BODY, settings=_no_settings):
    argv, parse = TOOLS[tool]
    message = fcgi.request(body.encode())
    with Ground() as ground, socket.socket(socket.AF_UNIX) as listener:
        path, log = ground.directory / "socket", ground.directory / "tool"
        listener.bind(str(path))
        listener.listen(64)
        env_file = systems.write_env(ground, url, settings(ground, url))
        env = {**os.environ, "POSTERN_ENV_FILE": str(env_file),
               "NAIVE_UPSTREAM": url + systems.API, "NAIVE_THREADS": "1"}
        argv = [word.replace("@LOG@", str(log)) for word in argv]
        process = ground.spawn("program", [*argv, program], env=env, stdin=listener)
        for _ in range(times):
            if b'"choices"' not in fcgi.ask(path, message):
                raise Failed(f"{program} under {argv[0]} did not answer")
        _end(process)
        return parse(log.read_text())


def _end(process):
    """The program and not its tool is told to end: the tool has something to say afterwards."""
    time.sleep(0.1)  # the last request's own end
    os.killpg(process.pid, signal.SIGTERM)
    process.popen.wait(timeout=20)


def _per_request(url, program, tool):
    few, many = (_run(url, program, tool, times) for times in (FEW, MANY))
    each = {name: (many[name] - few.get(name, 0)) / (MANY - FEW) for name in many}
    return {name: round(value, 2) for name, value in each.items() if value >= 0.02}


def instructions_per_request(settings):
    """Of postern, configured by settings(ground, upstream's URL)."""
    with Ground() as ground:
        url = f"http://127.0.0.1:{JsonUpstream(ground).port}"
        few, many = (_run(url, POSTERN, "instructions", times, settings=settings)["instructions"]
                     for times in (FEW, MANY))
        return (many - few) / (MANY - FEW)


def _per_event(url, program):
    """The system calls of one event, of two streams of different length."""
    few, many = (_run(url, program, "calls", 1, question(1024, stream=True, max_tokens=tokens))
                 for tokens in (FEW, MANY))
    each = {name: (many[name] - few.get(name, 0)) / (MANY - FEW) for name in many}
    return {name: round(value, 2) for name, value in each.items() if value >= 0.02}


def measure(trial):
    found = {}
    with Ground() as ground:
        found["event"] = _per_event(f"http://127.0.0.1:{Streamer(ground).port}", POSTERN)
        url = f"http://127.0.0.1:{JsonUpstream(ground).port}"
        for name, program in (("naive", PROGRAMS / "naive"), ("postern", POSTERN)):
            found[name] = {tool: _per_request(url, program, tool) for tool in TOOLS}
            trial.say(f"  {name}")
    return found


def calls(found):
    return sum(found["calls"].values())


def report(result):
    naive, postern = result["naive"], result["postern"]
    lines = [["system calls", table.number(calls(naive), 1), table.number(calls(postern), 1)]]
    for tool in ("instructions", "heap"):
        for name in postern[tool]:
            lines.append([name.replace("_", " "), table.number(naive[tool].get(name)),
                          table.number(postern[tool][name])])
    names = sorted({*naive["calls"], *postern["calls"]},
                   key=lambda name: -postern["calls"].get(name, 0))
    each = [[f"`{name}`", table.number(naive["calls"].get(name, 0), 2),
             table.number(postern["calls"].get(name, 0), 2)] for name in names]
    events = ", ".join(f"{count:.2f} `{name}`" for name, count in
                       sorted(result["event"].items(), key=lambda item: -item[1]))
    tables = [table.render(["", "the naive relay", "postern"], rows) for rows in (lines, each)]
    return "\n\n".join([*tables, f"System calls of postern for one event of a stream: {events}."])
