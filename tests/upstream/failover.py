#!/usr/bin/env python3
"""hostile.py for the failover suite: six behaviours more, and a record says when a request came.

Takes the same arguments. `at` in a record is the machine's monotonic clock in seconds, so that the
records of two upstreams and the watch of whoever asked can be laid side by side.
"""

import json
import time

import hostile
import shapes
from good import ok
from turn import CHUNKED, SSE, fault


def asked(turn):
    return json.loads(turn.ask.body)


def add_usage(turn):
    """A stream's usage comes in an event of its own, after the finish, when it was asked for."""
    if not turn.streams or not asked(turn).get("stream_options", {}).get("include_usage"):
        return
    events = turn.events()
    events.insert(-1, shapes.sse({"id": "chatcmpl-1", "object": "chat.completion.chunk",
                                  "model": turn.ask.model, "choices": [],
                                  "usage": shapes.usage()}))
    turn.step["events"] = [event.decode() for event in events]


@fault("S00")
def healthy(turn):
    """Also ends the connection, so that each scenario begins on a fresh one: on a warm one that is
    reset, libcurl asks again by itself."""
    add_usage(turn)
    turn.step["headers"] = [["Connection", "close"]]
    ok(turn)
    turn.wire.close()


@fault("S05")
def reset_without_answer(turn):
    """The request was read; not one byte comes back."""
    turn.wire.reset()


@fault("S07")
def slow_first_token(turn):
    """The head comes at once, the first event `pause` seconds later."""
    turn.wire.head(200, [SSE, CHUNKED])
    turn.wire.pause(turn.get("pause"))
    for event in turn.events():
        turn.wire.chunk(event)
    turn.wire.last_chunk()


@fault("S10")
def malformed_amid(turn):
    """Event `after` is no JSON; all the others come as they should."""
    add_usage(turn)
    events = turn.events()
    broken = b'data: {"id":"chatcmpl-1","choices":[{"delta":{"content":\n\n'
    events.insert(turn.get("after"), broken)
    turn.step["events"] = [event.decode() for event in events]
    ok(turn)


@fault("S11")
def no_done_but_usage(turn):
    add_usage(turn)
    turn.step["events"] = [event.decode() for event in turn.events()[:-1]]
    ok(turn)


@fault("S14")
def refuses_prefill(turn):
    """Answers no conversation that ends in words of the assistant."""
    if asked(turn)["messages"][-1]["role"] == "assistant":
        return turn.wire.whole(400, shapes.error("this model cannot continue an answer",
                                                 "invalid_request_error", "invalid_prefill"))
    return healthy(turn)


class Watching(hostile.Upstream):
    """An upstream that looks at the clock when a request has come."""

    def record(self, ask, step):
        at = time.monotonic()
        record = super().record(ask, step)
        record["at"] = at
        return record


if __name__ == "__main__":
    hostile.Upstream = Watching
    try:
        hostile.main()
    except KeyboardInterrupt:
        pass
