"""How often and how long: the one place where a quick trial differs from a measurement."""

import os
import statistics
import sys

from ground import Failed, Ground

QUICK_ROWS = ("direct", "lighttpd", "naive", "postern", "portkey")


class Trial:
    def __init__(self, quick):
        self.quick = quick
        self.rounds = int(os.environ.get("ROUNDS", 1 if quick else 3))
        self.seconds = 1 if quick else 3  # whole ones: wrk knows no others
        self.warm_seconds = 1 if quick else 2

    def choose(self, quick, full):
        return quick if self.quick else full

    def say(self, *words):
        print(*words, file=sys.stderr, flush=True)

    def in_turn(self, rows, measure):
        """{name: [result of each round]}: A B C, A B C …, each on a ground of its own. A system
        that cannot be measured is left out, with a word about why."""
        if self.quick:
            rows = [row for row in rows if row.name in QUICK_ROWS]
        results = {row.name: [] for row in rows}
        for turn in range(self.rounds):
            for row in rows:
                try:
                    with Ground() as ground:
                        results[row.name].append(measure(ground, row))
                except Failed as failure:
                    self.say(f"{row.name}: left out: {failure}")
                self.say(f"  round {turn + 1} of {self.rounds}: {row.name}")
        return {name: rounds for name, rounds in results.items() if rounds}


def is_quick():
    return os.environ.get("QUICK", "") not in ("", "0")


def middle(values):
    """The median; None where there is nothing."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def merge(rounds):
    """Dictionaries of equal shape: the median of each number in them."""
    first = rounds[0]
    if isinstance(first, dict):
        keys = [key for key in first if all(key in other for other in rounds)]
        return {key: merge([other[key] for other in rounds]) for key in keys}
    return middle(rounds) if isinstance(first, (int, float)) else first
