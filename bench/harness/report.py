"""Writes what was measured into doc/performance.md, between its marks; all else in it stays."""

import json
import re

import plot
import targets
from ground import TREE


def _read(parts, directory):
    results = {}
    for name in parts:
        file = directory / f"{name}.json"
        if file.exists():
            results[name] = json.loads(file.read_text())
    return results


def _taken(machine):
    return (f"*Taken {machine['taken']} at commit {machine['commit']}: {machine['cores']} cores, "
            f"{machine['processor']}, Linux {machine['kernel']}; load before it "
            f"{machine['load_before']}.*")


def _versions(results):
    seen = {}
    for found in results.values():
        seen.update(found["machine"]["versions"])
    return "\n".join(f"- {words}" for words in seen.values() if words != "not installed")


def _fill(text, mark, content):
    """Replaces what stands between <!-- bench: MARK --> and <!-- bench end -->."""
    pattern = rf"(<!-- bench: {mark} -->\n).*?(<!-- bench end -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{content}\n{found[2]}", text, flags=re.S)


def write(parts, directory, place):
    results = _read(parts, directory)
    text = (TREE / "doc" / "performance.md").read_text()
    text = _fill(text, "targets", targets.report(results))
    text = _fill(text, "versions", _versions(results))
    for name, found in results.items():
        content = f"{_taken(found['machine'])}\n\n{parts[name].report(found['result'])}"
        text = _fill(text, name, content)
    (place / "performance.md").write_text(text)
    (place / "performance.svg").write_text(plot.draw(results))
