#!/usr/bin/env python3
"""What a process has of memory, descriptors and threads, once a second, as tab-separated lines.

    watch.py PID PHASE-FILE >curves.tsv

The word in PHASE-FILE stands in each line. Ends with the process, or when the word is "end". Needs to
be root, or the process's user where the process can be looked into; what cannot be read is -1.
"""

import os
import sys
import time

COLUMNS = ("second", "phase", "rss_kib", "pss_kib", "anonymous_kib", "virtual_kib", "descriptors",
           "threads")


def fields(path):
    with open(path, encoding="ascii") as lines:
        return {name: rest.split()[0] for name, _, rest in (line.partition(":") for line in lines)
                if rest.split()}


def detail(pid, name):
    try:
        return int(fields(f"/proc/{pid}/smaps_rollup")[name])
    except (PermissionError, KeyError):
        return -1


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return -1


def sample(pid):
    status = fields(f"/proc/{pid}/status")
    if status["State"] == "Z":
        raise ProcessLookupError
    return (int(status["VmRSS"]), detail(pid, "Pss"), detail(pid, "Anonymous"),
            int(status["VmSize"]), descriptors(pid), int(status["Threads"]))


def main():
    pid, phase_file = int(sys.argv[1]), sys.argv[2]
    print(*COLUMNS, sep="\t", flush=True)
    begin = time.monotonic()
    second = 0
    while True:
        with open(phase_file, encoding="ascii") as file:
            phase = file.read().strip()
        if phase == "end":
            return
        try:
            print(second, phase, *sample(pid), sep="\t", flush=True)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            sys.exit(f"process {pid} has ended in second {second}")
        second += 1
        time.sleep(max(0, begin + second - time.monotonic()))


if __name__ == "__main__":
    main()
