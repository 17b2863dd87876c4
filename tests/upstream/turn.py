"""The table of behaviours, and what each of them gets: a turn.

A behaviour is one small function (good.py, broken.py, meaning.py): it gets the connection, the
request and the script's step, and answers as badly as its name says. The word before the name is the
row of the fault matrix that it makes. `when` says how much of the request it reads first.
"""

import shapes

ACCEPT, HEAD, BODY = "accept", "head", "body"
FAULTS = {}
IDS = {}  # row of the matrix → names

SSE = ("Content-Type", "text/event-stream; charset=utf-8")
JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")


def fault(row, when=BODY):
    def enter(function):
        FAULTS[function.__name__] = (when, function)
        IDS.setdefault(row, []).append(function.__name__)
        return function
    return enter


class Turn:
    def __init__(self, wire, ask, step, name):
        self.wire, self.ask, self.step, self.name = wire, ask, step, name

    def get(self, key, default=None):
        return self.step.get(key, default)

    @property
    def streams(self):
        return bool(self.get("stream", self.ask.wants_stream)) and self.events() is not None

    def events(self):
        if "events" in self.step:
            return [event.encode("utf-8", "surrogateescape") for event in self.step["events"]]
        return shapes.stream(self.name, self.ask, tuple(self.get("words", shapes.WORDS)))

    def body(self):
        if "body" in self.step:
            return self.step["body"].encode("utf-8", "surrogateescape")
        return shapes.answer(self.name, self.ask, tuple(self.get("words", shapes.WORDS)))

    def extra(self):
        return [tuple(pair) for pair in self.get("headers", [])]

    def begin(self):
        """A head and a part of the answer: of a stream as many events as `after` says."""
        if self.streams:
            self.wire.head(200, [SSE, CHUNKED, *self.extra()])
            for event in self.events()[:self.get("after", 0)]:
                self.wire.chunk(event)
                self.wire.gate(self.get("gate"))
            return
        self.wire.head(200, [JSON, ("Content-Length", len(self.body()) + 100)])
        self.wire.send(self.body()[:37])
