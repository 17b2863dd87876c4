"""Writes what was measured into doc/performance.md, between its marks; all else in it stays."""

import json
import re
import sys
import traceback

import gains
import plot
import targets
from ground import TREE

BEFORE = TREE / "bench" / "results" / "before"  # any work on speed

def _read(parts, directory):
    results = {}
    for name in parts:
        file = directory / f"{name}.json"
        if file.exists():
            results[name] = json.loads(file.read_text())
    return results


def _taken(found):
    machine, rounds = found["machine"], found.get("rounds", 1)
    return (f"*Taken {machine['taken']} at commit {machine['commit']}, rounds: {rounds}; "
            f"{machine['cores']} cores, {machine['processor']}, Linux {machine['kernel']}; load "
            f"before it {machine['load_before']}.*")


def _versions(results):
    seen = {}
    for found in results.values():
        seen.update(found["machine"]["versions"])
    return "\n".join(f"- {words}" for words in seen.values() if words != "not installed")


def _fill(text, mark, content):
    """Replaces what stands between <!-- bench: MARK --> and <!-- bench end -->."""
    pattern = rf"(<!-- bench: {mark} -->\n).*?(<!-- bench end -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{content}\n{found[2]}", text, flags=re.S)


def _part(part, found):
    try:
        return f"{_taken(found)}\n\n{part.report(found['result'])}"
    except (KeyError, TypeError, IndexError):  # results of an older harness
        traceback.print_exc(file=sys.stderr)
        return f"{_taken(found)}\n\nTo be measured again: `bench/run {part.NAME}`."


def write(parts, directory, place):
    results = _read(parts, directory)
    text = (TREE / "doc" / "performance.md").read_text()
    text = _fill(text, "targets", targets.report(results))
    text = _fill(text, "versions", _versions(results))
    text = _fill(text, "gains", gains.report(_read(parts, BEFORE), results))
    for name, found in results.items():
        text = _fill(text, name, _part(parts[name], found))
    (place / "performance.md").write_text(text)
    (place / "performance.svg").write_text(plot.draw(results))
