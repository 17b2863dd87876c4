#!/usr/bin/env python3
"""The scorecard of the results that play.py left in a directory.

    card.py score DIR          for a terminal, with times
    card.py write DIR DOC      into DOC, between its two marks
    card.py check DIR DOC      does DOC say what the results say? (0 also when some were not played)
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import scenarios  # noqa: E402

DELIVERIES = ("held", "live")
VERDICTS = ("pass", "partial", "safe", "fail")
BEGIN, END = "<!-- made by script/failover -->\n", "<!-- end -->\n"


def read(directory):
    """(scenario id, delivery) → result"""
    results = [json.loads(file.read_text()) for file in pathlib.Path(directory).glob("*.json")]
    return {(one["id"], one["delivery"]): one for one in results}


def sum_up(results, delivery):
    words = [one["verdict"] for (_, how), one in results.items() if how == delivery]
    return ", ".join(f"{words.count(verdict)} {verdict}" for verdict in VERDICTS)


# --- for a terminal -------------------------------------------------------------------------------


def cell(result):
    if result is None:
        return f"{'-':24}"
    attempts = f"{result['primary']}p/{result['fallback']}f"
    return f"{result['verdict']:8}{attempts:9}{result['seconds']:4.1f} s "


def score(results):
    print(f"{'':46}{'held':24}live")
    for scenario in scenarios.SCENARIOS:
        cells = [cell(results.get((scenario.id, how))) for how in DELIVERIES]
        print(f"{scenario.id} {scenario.fault:42}{''.join(cells)}".rstrip())
    for how in DELIVERIES:
        print(f"{how}: {sum_up(results, how)}")


# --- for the document -----------------------------------------------------------------------------


def either(results, scenario, tell):
    """One text where both deliveries are told alike, else both."""
    held, live = (tell(results[scenario.id, how]) for how in DELIVERIES)
    return held if held == live else f"held: {held}; live: {live}"


def tell_caller(result):
    if result["whole"]:
        return "the whole answer" + (", each time" if result["calls"] else "")
    if result["status"] == 200:
        return f"{result['words']} words, then the error `{result['code']}`"
    return f"{result['status']} `{result['code']}`"


def tell_upstreams(result):
    if result["calls"]:
        return "the primary probes alone once its breaker is open, the fallback the rest"
    return f"{result['primary']} + {result['fallback']}"


def tell_breaker(result):
    change, words = result["breaker"], []
    if result["calls"]:
        return "opens, closes"
    neutral = result["primary"] - change["failed"] - change["ok"]
    if neutral:
        words.append("cool-down" if "429" in result["attempts"] else "neutral")
    if change["failed"]:
        words.append("failure" + (f" × {change['failed']}" if change["failed"] > 1 else ""))
    if change["ok"]:
        words.append("success")
    return ", ".join(words)


def tell_attempts(result):
    lists = result["attempts"] if result["calls"] else [result["attempts"]]
    return " … ".join(f"`{one}`" for one in lists)


def block(results):
    lines = [f"{how}: {sum_up(results, how)}  " for how in DELIVERIES]
    lines += ["", "| | fault | held, live | the caller gets | requests to primary + fallback | "
                  "the primary's breaker | `X-Postern-Attempts` |", "|---|---|---|---|---|---|---|"]
    tellers = (tell_caller, tell_upstreams, tell_breaker, tell_attempts)
    for one in scenarios.SCENARIOS:
        verdicts = ", ".join(results[one.id, how]["verdict"] for how in DELIVERIES)
        cells = [one.id, one.fault, verdicts, *(either(results, one, tell) for tell in tellers)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def split(document):
    before, rest = pathlib.Path(document).read_text().split(BEGIN)
    return before + BEGIN, *rest.split(END)


def write(results, document):
    before, _, after = split(document)
    pathlib.Path(document).write_text(before + block(results) + END + after)


def is_true(results, document):
    _, told, _ = split(document)
    seen = block(results).splitlines()
    wrong = [line for line in told.splitlines() if line not in seen]
    wrong += [line for line in seen if line not in told.splitlines()]
    print("\n".join(wrong))
    return not wrong


def main():
    order, directory, *rest = sys.argv[1:]
    results = read(directory)
    if order == "score":
        score(results)
    elif len(results) < len(DELIVERIES) * len(scenarios.SCENARIOS):
        print("not all scenarios were played")
    elif order == "write":
        write(results, rest[0])
    elif not is_true(results, rest[0]):
        sys.exit(1)


if __name__ == "__main__":
    main()
