"""The sixteen scenarios: what each upstream does, and what has to hold.

After the catalogue of github.com/failoverbench/failoverbench (scenarios/catalogue.yaml), in our own
words. Times are a tenth of the catalogue's, but for the rest that an upstream asks for in whole
seconds (1 for its 2) and the backoffs, which no option shortens.
"""

from dataclasses import dataclass, field

import judge
from judge import advisory, noted

FALLBACK_MODEL = "spare-model"


def step(mode, **more):
    return {"mode": mode, "words": [f"{word} " for word in judge.WORDS], **more}


HEALTHY = step("healthy")


def status(code, error_code=None, kind="server_error"):
    return step("status", status=code, code=error_code, kind=kind)


@dataclass(frozen=True)
class Sequence:
    """`count` requests, one every `every_s`; the fault lasts `outage_s`."""
    count: int
    every_s: float
    outage_s: float


@dataclass(frozen=True)
class Scenario:
    id: str
    fault: str
    checks: list
    once: dict | None = None    # what the primary does with the first request, then it is healthy
    always: dict | None = None  # what it does with every request
    fallback: dict = field(default_factory=lambda: HEALTHY)
    ideal: str = "answer"
    patience_s: float = 10.0
    sequence: Sequence | None = None


SCENARIOS = [
    Scenario("S01", "429 once, Retry-After stated", once=step("limited", retry_after="1"),
             checks=[advisory(judge.attempts(least=2)), advisory(judge.rests(0.9)),
                     judge.at_most_within(2, 0.75)]),
    Scenario("S02", "429 always, no wait stated", always=step("limited"),
             checks=[judge.at_most_within(4, 3), judge.attempts(most=6), judge.ends()]),
    Scenario("S03", "500 once", once=status(500),
             checks=[judge.ends(), advisory(judge.attempts(least=2))]),
    Scenario("S04", "503 always", always=status(503, "overloaded"),
             checks=[judge.attempts(most=6), judge.ends()]),
    Scenario("S05", "reset before any byte, once", once=step("reset_without_answer"),
             checks=[judge.ends()]),
    Scenario("S06", "no answer at all", always=step("silent"), patience_s=13,
             checks=[judge.within(10), judge.ends(), advisory(judge.attempts(most=1))]),
    Scenario("S07", "slow first token", always=step("slow_first_token", pause=4),
             checks=[judge.ends(), advisory(judge.within(3))]),
    Scenario("S08", "stream cut after 40 of 60 words", always=step("close_mid_body", after=40),
             checks=[judge.never_cut_as_whole(), judge.ends()]),
    Scenario("S09", "stream silent after 20 words", always=step("stall", after=20),
             checks=[judge.within(4.5), judge.never_cut_as_whole(), judge.alive(), judge.ends()]),
    Scenario("S10", "one event is no JSON", always=step("malformed_amid", after=10),
             checks=[judge.alive(), judge.never_cut_as_whole(), judge.ends(),
                     advisory(judge.whole())]),
    Scenario("S11", "stream without [DONE]", always=step("no_done_but_usage"),
             checks=[judge.within(0.8), advisory(judge.has_usage())]),
    Scenario("S12", "400, the context is too long",
             always=status(400, "context_length_exceeded", "invalid_request_error"),
             checks=[judge.attempts(least=1, most=1), judge.ends()]),
    Scenario("S13", "400, the content filter's no",
             always=status(400, "content_policy_violation", "invalid_request_error"), ideal="error",
             checks=[judge.attempts(least=1, most=1), judge.ends(), noted(judge.falls_back())]),
    Scenario("S14", "stream cut, the fallback takes no prefill",
             always=step("close_mid_body", after=40), fallback=step("refuses_prefill"),
             checks=[judge.no_prefill_error(), judge.never_cut_as_whole()]),
    Scenario("S15", "503 for a while, then healthy", always=status(503, "overloaded"),
             sequence=Sequence(count=20, every_s=0.4, outage_s=6),
             checks=[judge.ends(), judge.served_in_outage(), judge.returns_within(3),
                     noted(judge.probes_sparingly())]),
    Scenario("S16", "503 always: whose answer is it?", always=status(503, "overloaded"),
             checks=[judge.names_fallback(), advisory(judge.has_usage()), judge.attempts(most=6)]),
]


def find(scenario_id):
    return next(scenario for scenario in SCENARIOS if scenario.id == scenario_id)
