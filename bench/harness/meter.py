"""What a tree of processes has cost: CPU time and memory, by the names of the programs."""

import os
import pathlib
import re
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat from the state on, and the program's name; None: it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1:].rsplit(") ", 1)
    return name, rest.split()


def tree(roots):
    """[(pid, name, fields)] of the roots and all below them."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(int(entry))
            if stat:
                found[int(entry)] = stat
    wanted = set(roots)
    grew = True
    while grew:
        below = {pid for pid, (_, fields) in found.items() if int(fields[1]) in wanted}
        grew = not below <= wanted
        wanted |= below
    return [(pid, *found[pid]) for pid in wanted if pid in found]


def _own_seconds(pid, fields):
    """Of all its threads, also of those that have ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # CPUCLOCK_SCHED: nanoseconds, not ticks
    except OSError:
        return sum(int(field) for field in fields[11:13]) / TICKS_PER_S


def cpu_seconds(roots):
    """{program: seconds}; the time of children that have ended stands under "ended"."""
    seconds = {}
    for pid, name, fields in tree(roots):
        ended = sum(int(field) for field in fields[13:15]) / TICKS_PER_S
        seconds[name] = seconds.get(name, 0) + _own_seconds(pid, fields)
        seconds["ended"] = seconds.get("ended", 0) + ended
    return seconds


def cpu_between(before, after):
    return {name: round(max(0, after[name] - before.get(name, 0)), 6) for name in after}


def _kilobytes(pid, file, field):
    try:
        text = pathlib.Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0
    return sum(int(kb) for kb in re.findall(rf"^(?:{field}):\s+(\d+) kB", text, re.M))


def memory(roots):
    """{program: {"rss_kb", "private_kb", "peak_kb"}}; of several processes of one name, sums."""
    usage = {}
    for pid, name, _ in tree(roots):
        entry = usage.setdefault(name, {"rss_kb": 0, "private_kb": 0, "peak_kb": 0})
        entry["rss_kb"] += _kilobytes(pid, "smaps_rollup", "Rss")
        entry["private_kb"] += _kilobytes(pid, "smaps_rollup", "Private_Clean|Private_Dirty")
        entry["peak_kb"] += _kilobytes(pid, "status", "VmHWM")
    return usage
