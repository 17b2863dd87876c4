"""bench/harness: measures what is asked for, keeps the raw results, writes the document."""

import datetime
import json
import os
import pathlib
import signal
import sys
import time
import traceback

import part_bodies
import part_cold
import part_counts
import part_growth
import part_json
import part_micro
import part_overload
import part_streams
import part_tls
import report
from ground import BUILD, TREE
from systems import version
from trial import Trial, is_quick

PARTS = {part.NAME: part for part in (part_json, part_streams, part_bodies, part_tls, part_cold,
                                      part_overload, part_growth, part_micro, part_counts)}


def machine():
    """What the figures were taken on, and how busy it was already."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {"taken": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes"),
            "cores": os.cpu_count(), "processor": models[0] if models else "unknown",
            "kernel": os.uname().release, "load_before": round(os.getloadavg()[0], 2),
            "commit": version("git", "-C", str(TREE), "rev-parse", "--short", "HEAD"),
            "versions": {"lighttpd": version("lighttpd", "-v"), "nginx": version("nginx", "-v"),
                         "haproxy": version("haproxy", "-v"), "apache": version("apache2", "-v"),
                         "curl": version("curl-config", "--version"),
                         "node": version("node", "--version"),
                         "Portkey": _portkey_version(), "LiteLLM": _litellm_version()}}


def _portkey_version():
    wanted = json.loads((TREE / "bench/portkey/package.json").read_text())["dependencies"]
    return ", ".join(f"{name} {number}" for name, number in wanted.items())


def _litellm_version():
    return (TREE / "bench/litellm/requirements.txt").read_text().strip().replace("==", " ")


def places(quick):
    """Where results, document and plot go: a trial must not look like a measurement."""
    elsewhere = os.environ.get("OUT") or (BUILD / "bench" / "quick" if quick else None)
    if elsewhere:
        place = pathlib.Path(elsewhere)
        return place / "results", place
    return TREE / "bench" / "results", TREE / "doc"


def measure(names, results, trial):
    """Measures part after part. Of one that breaks the last results stay; the others go on."""
    results.mkdir(parents=True, exist_ok=True)
    for name in names:
        trial.say(f"{name}: {PARTS[name].TITLE}")
        begun = time.monotonic()
        try:
            found = {"machine": machine(), "rounds": trial.rounds,
                     "result": PARTS[name].measure(trial)}
            (results / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        except Exception:  # whatever it is, the other parts are to be measured
            trial.say(f"{name}: not measured:\n{traceback.format_exc()}")
        trial.say(f"{name}: took {time.monotonic() - begun:.0f} s")


def main(words):
    names = words or list(PARTS)
    unknown = [name for name in names if name not in PARTS and name != "report"]
    if unknown:
        sys.exit(f"no part is called {unknown[0]}; parts: {' '.join(PARTS)} report")
    # so that what was started is ended
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    quick = is_quick()
    results, document = places(quick)
    measure([name for name in names if name != "report"], results, Trial(quick))
    report.write(PARTS, results, document)
    print(f"{document / 'performance.md'} is written")


main(sys.argv[1:])
