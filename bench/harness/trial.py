"""How often and how long: the one place where a quick trial differs from a measurement."""

import os
import statistics
import sys
import time
import traceback

from ground import Failed, Ground

QUICK_ROWS = ("direct", "lighttpd", "naive", "postern", "portkey")

# Of these the rounds are added up: a median would hide what went wrong in one of them.
SUMMED = ("statuses", "bad_status", "broken", "cut", "lost", "reordered")


class Trial:
    def __init__(self, quick):
        self.quick = quick
        self.rounds = int(os.environ.get("ROUNDS", 1 if quick else 3))
        self.seconds = 1 if quick else 3  # whole ones: wrk knows no others
        self.warm_seconds = 1
        self.begun = time.monotonic()

    def choose(self, quick, full):
        return quick if self.quick else full

    def say(self, *words):
        seconds = int(time.monotonic() - self.begun)
        print(f"[{seconds // 60:2}:{seconds % 60:02}]", *words, file=sys.stderr, flush=True)

    def in_turn(self, rows, measure):
        """take_turns() for rows of systems.py: measure(ground, row)."""
        if self.quick:
            rows = [row for row in rows if row.name in QUICK_ROWS]
        return self.take_turns({row.name: lambda ground, row=row: measure(ground, row)
                                for row in rows})

    def take_turns(self, measures):
        """{name: [result of each round]}: A B C, A B C …, each on a ground of its own. What cannot
        be measured is left out, with a word about why, and costs the others nothing."""
        results = {name: [] for name in measures}
        for turn in range(self.rounds):
            for name, measure in measures.items():
                self.say(f"  round {turn + 1} of {self.rounds}: {name}")
                try:
                    with Ground() as ground:
                        results[name].append(measure(ground))
                except Failed as failure:
                    self.say(f"  {name}: left out: {failure}")
                except Exception:  # a mistake of the harness: told, and the rest is measured
                    self.say(f"  {name}: left out:\n{traceback.format_exc()}")
        return {name: rounds for name, rounds in results.items() if rounds}


def is_quick():
    return os.environ.get("QUICK", "") not in ("", "0")


def middle(values):
    """The median; None where there is nothing."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def merge(rounds, is_sum=False):
    """Dictionaries of one shape: the median of each number in them, or its sum (SUMMED)."""
    first = rounds[0]
    if isinstance(first, dict):
        keys = dict.fromkeys(key for one in rounds for key in one)
        return {key: merge([one[key] for one in rounds if key in one], is_sum or key in SUMMED)
                for key in keys}
    if not isinstance(first, (int, float)):
        return first
    return sum(rounds) if is_sum else middle(rounds)
