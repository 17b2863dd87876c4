#!/usr/bin/env python3
"""Plays one scenario in one delivery, and says what it was worth.

    play.py S08 held RESULT      the result as JSON; standard output has verdict and reasons

The environment tells where things are: BASE (the gateway), PRIMARY_CONTROL and FALLBACK_CONTROL
(the upstreams' control ports), CTL, CTL_ENV, RUN_USER (posternctl, its .env file, whom it runs as).
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import caller  # noqa: E402
import judge  # noqa: E402
import scenarios  # noqa: E402

MODEL = "gpt-4o"


# --- the upstreams and the breaker ----------------------------------------------------------------


def control(name, path, value=None):
    url = f"http://127.0.0.1:{os.environ[name.upper() + '_CONTROL']}/{path}"
    data = None if value is None else json.dumps(value).encode()
    with urllib.request.urlopen(url, data, timeout=10) as reply:
        return json.load(reply)


def tell(name, step):
    control(name, "default", step)


def posternctl(*arguments):
    user = os.environ["RUN_USER"]
    who = {"user": user, "group": user, "extra_groups": []} if os.geteuid() == 0 else {}
    # The harness's own POSTERN_… variables are no options.
    return subprocess.run([os.environ["CTL"], "--env", os.environ["CTL_ENV"], *arguments],
                          check=True, stdout=subprocess.PIPE, text=True, env={},
                          **who).stdout


def breaker():
    """The primary's line of posternctl status."""
    line = re.search(r"^primary +(\w+) +(-|[\d.]+ s) +(\d+) +(\d+) +(\d+) +(\d+)",
                     posternctl("status"), re.M)
    return {"state": line[1], "wait": line[2], "ok": int(line[4]), "failed": int(line[5]),
            "opened": int(line[6])}


def prepare(scenario):
    for name in ("primary", "fallback"):
        control(name, "reset", {})
        tell(name, scenarios.HEALTHY)
        posternctl("breaker", "reset", name)
    tell("fallback", scenario.fallback)
    if scenario.once:
        control("primary", "script", [scenario.once])
    if scenario.always:
        tell("primary", scenario.always)


# --- playing --------------------------------------------------------------------------------------


def play_once(scenario, delivery):
    call = caller.ask(os.environ["BASE"], MODEL, delivery, patience_s=scenario.patience_s)
    return judge.Seen(call)


def play_sequence(scenario, delivery):
    plan, begun, calls = scenario.sequence, time.monotonic(), []
    recovery = threading.Timer(plan.outage_s, tell, ("primary", scenarios.HEALTHY))
    recovery.start()
    for number in range(plan.count):
        time.sleep(max(0.0, begun + number * plan.every_s - time.monotonic()))
        sent_s = time.monotonic() - begun
        calls.append((sent_s, caller.ask(os.environ["BASE"], MODEL, delivery,
                                         patience_s=scenario.patience_s)))
    recovery.join()
    healthy = [one["at"] for one in control("primary", "requests") if one["mode"] == "healthy"]
    back_s = min(healthy) - begun - plan.outage_s if healthy else None
    return judge.Seen(judge.summary_of(calls), calls=calls, outage_s=plan.outage_s, back_s=back_s)


def is_alive(delivery):
    for name in ("primary", "fallback"):
        tell(name, scenarios.HEALTHY)
    return judge.is_whole(caller.ask(os.environ["BASE"], MODEL, delivery, stream=False))


def play(scenario, delivery):
    """What was seen, and what became of the primary's breaker."""
    prepare(scenario)
    before = breaker()
    seen = (play_sequence if scenario.sequence else play_once)(scenario, delivery)
    after = breaker()
    seen.primary = control("primary", "requests")
    seen.fallback = control("fallback", "requests")
    seen.fallback_model = scenarios.FALLBACK_MODEL
    seen.is_alive = is_alive(delivery)
    change = {key: after[key] - before[key] for key in ("ok", "failed", "opened")}
    return seen, change | {"state": after["state"], "wait": after["wait"]}


def result(scenario, delivery, seen, change):
    word, lines = judge.verdict(scenario.checks, seen, scenario.ideal)
    attempts = seen.call.attempts
    if seen.calls:
        attempts = list(dict.fromkeys(call.attempts for _, call in seen.calls))
    return {
        "id": scenario.id, "delivery": delivery, "fault": scenario.fault, "verdict": word,
        "lines": lines, "outcome": seen.call.outcome, "status": seen.call.status,
        "error": seen.call.error, "code": seen.call.code,
        "words": len(seen.call.text.split()), "seconds": seen.call.seconds, "attempts": attempts,
        "whole": judge.is_whole(seen.call), "primary": len(seen.primary),
        "fallback": len(seen.fallback), "breaker": change,
        "times": [round(one["at"] - seen.primary[0]["at"], 3) for one in seen.primary],
        "calls": [(sent_s, dataclasses.asdict(call)) for sent_s, call in seen.calls],
    }


def main():
    scenario_id, delivery, path = sys.argv[1:]
    scenario = scenarios.find(scenario_id)
    seen, change = play(scenario, delivery)
    told = result(scenario, delivery, seen, change)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
    print(told["verdict"])
    for line in told["lines"]:
        print(f"  {line}")
    print(f"  {told['outcome']} {told['status']} {told['error']} [{told['attempts']}]",
          f"{told['primary']}+{told['fallback']} attempts, {told['seconds']:.2f} s", change)


if __name__ == "__main__":
    main()
