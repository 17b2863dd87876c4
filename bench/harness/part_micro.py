"""Parts of a request alone: instructions, which do not depend on what else the machine does."""

import re
import subprocess

import table
from ground import PROGRAMS, Failed

NAME = "micro"
TITLE = "Parts of a request, in instructions"
FEW, MANY = 20, 120


def _instructions(part, times):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAMS / "micro", part,
         str(times)], capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not found:
        raise Failed(f"callgrind of {part}: {done.stderr}")
    return int(found.group(1))


def _nanoseconds(part, times):
    done = subprocess.run([PROGRAMS / "micro", part, str(times)], capture_output=True, text=True,
                          check=True)
    return int(done.stdout) * 1000 / times


def measure(trial):
    listing = subprocess.run([PROGRAMS / "micro", "--list"], capture_output=True, text=True,
                             check=True).stdout
    found = {}
    for line in listing.splitlines():
        part, units, what = line.split("\t")
        each = (_instructions(part, MANY) - _instructions(part, FEW)) / (MANY - FEW)
        found[part] = {"what": what, "instructions": each / int(units),
                       "ns": _nanoseconds(part, trial.choose(200, 2000)) / int(units)}
        trial.say(f"  {part}")
    return found


def report(result):
    return table.render(["", "instructions", "ns"],
                        [[f"`{part}`: {row['what']}", table.number(row["instructions"], 1),
                          table.number(row["ns"], 1)] for part, row in result.items()])
