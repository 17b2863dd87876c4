"""5. Cold: the first answer, an answer as CGI, the size of the program and of an idle process."""

import os
import resource
import shutil
import subprocess
import time

import fcgi
import meter
import systems
import table
from ground import POSTERN, PROGRAMS, Failed, Ground
from trial import middle
from upstreams import JsonUpstream, question

NAME = "cold"
TITLE = "Cold"

# What a start costs whoever needs libcurl: `linked` calls one function of it that does nothing.
STARTS = {"postern": [POSTERN, "--version"], "linked": [PROGRAMS / "linked"]}


def measure(trial):
    times = trial.choose(3, 20)
    with Ground() as ground:
        upstream = JsonUpstream(ground)
        url = f"http://127.0.0.1:{upstream.port}"
        firsts = [_first_answer(url) for _ in range(times)]
        return {"binary_bytes": _stripped_bytes(ground),
                "first_answer_us": [first["us"] for first in firsts],
                "idle": [first["idle"] for first in firsts],
                "after_one": [first["after_one"] for first in firsts],
                "cgi_us": _cgi_times(url, times), "proxied_us": _proxied_times(url, times),
                "start_us": {name: _start_us(argv, times * 5) for name, argv in STARTS.items()}}


def _stripped_bytes(ground):
    copy = ground.directory / "stripped"
    shutil.copy(POSTERN, copy)
    subprocess.run(["strip", copy], check=True)
    return copy.stat().st_size


def _first_answer(url):
    """From exec to the end of the first answer, relayed from an upstream."""
    message = fcgi.request(question(1024, max_tokens=1).encode())
    with Ground() as ground:
        env = {**os.environ, "POSTERN_ENV_FILE": str(systems.write_env(ground, url, {}))}
        socket = ground.directory / "socket"
        begun = time.monotonic()
        process = ground.spawn("postern", [POSTERN, "--listen", f"unix:{socket}"], env=env)
        while not (answer := fcgi.ask(socket, message)):
            time.sleep(0.0002)
            if time.monotonic() - begun > 10:
                raise Failed("postern did not answer")
        took_us = (time.monotonic() - begun) * 1e6
        if b"Status: 200" not in answer:
            raise Failed(f"postern answered {answer[:200]}")
        return {"us": round(took_us), "idle": _idle_kb(url),
                "after_one": meter.memory([process.pid])["postern.fcgi"]}


def _idle_kb(url):
    """A process that has not served yet."""
    with Ground() as ground:
        env = {**os.environ, "POSTERN_ENV_FILE": str(systems.write_env(ground, url, {}))}
        socket = ground.directory / "socket"
        process = ground.spawn("postern", [POSTERN, "--listen", f"unix:{socket}"], env=env)
        while not socket.exists():
            time.sleep(0.01)
        time.sleep(0.05)
        return meter.memory([process.pid])["postern.fcgi"]


def _start_us(argv, times):
    """CPU time of a program from exec to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(times):
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(spent_s * 1e6 / times)


def _times(row, url, times):
    with Ground() as ground:
        system = systems.start(row, ground, url)
        took = []
        for _ in range(times):
            begun = time.monotonic()
            if systems.ask(system) != 200:
                raise Failed(f"{row.label} did not answer")
            took.append(round((time.monotonic() - begun) * 1e6))
        return took


def _cgi_times(url, times):
    return _times(systems.row("postern-cgi"), url, times)


def _proxied_times(url, times):
    return _times(systems.row("lighttpd"), url, times)


def report(result):
    idle, rss = (middle([idle[kind] for idle in result["idle"]])
                 for kind in ("private_kb", "rss_kb"))
    after = middle([after["private_kb"] for after in result["after_one"]])
    starts = result["start_us"]
    cgi, proxied = middle(result["cgi_us"]), middle(result["proxied_us"])
    return table.render(["", "median", "worst"], [
        ["from start to the end of the first FastCGI answer, ms",
         table.ms(middle(result["first_answer_us"])), table.ms(max(result["first_answer_us"]))],
        ["a CGI request through lighttpd, ms", table.ms(cgi), table.ms(max(result["cgi_us"]))],
        ["the same request through lighttpd's mod_proxy, ms", table.ms(proxied),
         table.ms(max(result["proxied_us"]))],
        ["CPU of a start and end of the program (`--version`), ms", table.ms(starts["postern"]),
         "–"],
        ["the same of an empty program that is linked with libcurl, ms",
         table.ms(starts["linked"]), "–"],
        ["RSS of an idle process, with libraries that others share, MB", table.mb(rss, 2), "–"],
        ["private memory of an idle process, MB", table.mb(idle, 2), "–"],
        ["the same after one request, MB", table.mb(after, 2), "–"],
        ["program, stripped, MB", table.number(result["binary_bytes"] / 1e6, 2), "–"],
    ])
