"""What a scenario was worth: checks of what caller and upstreams saw, and the verdict. Pure.

The rules are those of the failoverbench methodology, version 0.1:
    pass     the caller got what it should, and every check holds
    partial  the caller got it, but an advisory check does not hold
    safe     not that, but one clear error in bounded time, and every required check holds
    fail     a hang, a cut answer that looks whole, or a required check that does not hold
"""

from dataclasses import dataclass, field

from caller import Call

WORDS = [f"word-{number}" for number in range(1, 61)]


@dataclass
class Seen:
    """Both sides of one scenario. Attempts are the upstreams' records, times in seconds."""
    call: Call
    primary: list = field(default_factory=list)
    fallback: list = field(default_factory=list)
    fallback_model: str = ""
    is_alive: bool = False
    calls: list = field(default_factory=list)  # of a sequence: (sent_s, Call)
    outage_s: float = 0.0
    back_s: float | None = None  # of a sequence: when the primary was first used again

    def during_outage(self):
        return [call for sent_s, call in self.calls if sent_s < self.outage_s]


@dataclass(frozen=True)
class Check:
    """`holds` takes a Seen and gives whether it holds, and what it saw."""
    name: str
    holds: object
    weight: str = "required"  # "advisory": costs the pass; "noted": costs nothing


def advisory(check):
    return Check(check.name, check.holds, "advisory")


def noted(check):
    return Check(check.name, check.holds, "noted")


def is_whole(call):
    return call.outcome == "answer" and call.text.split() == WORDS


# --- the checks -----------------------------------------------------------------------------------


def ends():
    return Check("ends", lambda seen: (seen.call.outcome != "hang", seen.call.outcome))


def within(seconds):
    return Check("in time", lambda seen: (seen.call.seconds <= seconds,
                                          f"{seen.call.seconds:.1f} s of {seconds:g}"))


def never_cut_as_whole():
    def holds(seen):
        return (seen.call.outcome != "answer" or is_whole(seen.call),
                f"{seen.call.outcome}, {len(seen.call.text.split())} words")
    return Check("no cut answer looks whole", holds)


def whole():
    return Check("whole", lambda seen: (is_whole(seen.call), seen.call.outcome))


def attempts(least=0, most=99):
    def holds(seen):
        count = len(seen.primary)
        return least <= count <= most, f"{count} at the primary"
    return Check("attempts", holds)


def at_most_within(count, seconds):
    def holds(seen):
        early = [one for one in seen.primary if one["at"] - seen.primary[0]["at"] < seconds]
        return len(early) <= count, f"{len(early)} within {seconds:g} s"
    return Check("no hammering", holds)


def rests(seconds):
    def holds(seen):
        if len(seen.primary) < 2:
            return False, "no second attempt"
        gap = seen.primary[1]["at"] - seen.primary[0]["at"]
        return gap >= seconds, f"{gap:.2f} s between attempts"
    return Check("the rest asked for", holds)


def alive():
    return Check("alive afterwards", lambda seen: (seen.is_alive, str(seen.is_alive)))


def falls_back():
    return Check("fallback asked", lambda seen: (bool(seen.fallback),
                                                 f"{len(seen.fallback)} at the fallback"))


def names_fallback():
    return Check("the fallback's model", lambda seen: (seen.call.model == seen.fallback_model,
                                                       seen.call.model))


def has_usage():
    return Check("usage", lambda seen: (bool(seen.call.usage), str(seen.call.usage)))


def no_prefill_error():
    def holds(seen):
        prefilled = [one for one in seen.fallback if '"assistant"' in one["body"]]
        return not (seen.call.outcome == "error" and prefilled), f"{len(prefilled)} prefilled"
    return Check("no error of a prefill", holds)


def served_in_outage():
    def holds(seen):
        during = seen.during_outage()
        served = [call for call in during if is_whole(call)]
        return bool(during) and len(served) == len(during), f"{len(served)} of {len(during)}"
    return Check("served in the outage", holds)


def returns_within(seconds):
    def holds(seen):
        if seen.back_s is None:
            return False, "never"
        return seen.back_s <= seconds, f"{seen.back_s:+.1f} s"
    return Check("back on the primary", holds)


def probes_sparingly():
    def holds(seen):
        during = [one for one in seen.primary if one["mode"] == "status"]
        return len(during) <= len(seen.during_outage()), f"{len(during)} at the primary"
    return Check("few probes", holds)


# --- the verdict ----------------------------------------------------------------------------------


def summary_of(calls):
    """A sequence as one call: the worst of its outcomes, the last of the rest."""
    order = ["hang", "error", "answer"]
    return min((call for _, call in calls), key=lambda call: order.index(call.outcome))


def verdict(checks, seen, ideal="answer"):
    """The word, and the lines that say why."""
    results = [(check, *check.holds(seen)) for check in checks]
    lines = [f"{'holds' if good else 'DOES NOT HOLD'} ({check.weight}) {check.name}: {detail}"
             for check, good, detail in results]
    broken = {check.weight for check, good, _ in results if not good}
    call = seen.call
    is_cut = call.outcome == "answer" and not is_whole(call)
    if call.outcome == "hang" or "required" in broken or (is_cut and ideal == "answer"):
        return "fail", lines
    if ideal == "error" and call.outcome == "answer":
        return "partial", lines + ["answered around the rejection"]
    if call.outcome != ideal:
        return "safe", lines
    return ("partial" if "advisory" in broken else "pass"), lines
