"""Good answers, also those that look odd but are allowed."""

import gzip

from turn import CHUNKED, JSON, SSE, fault


@fault("ok")
def ok(turn):
    """A good answer; with `gate`, each event of a stream after the first waits for a permit."""
    if not turn.streams:
        turn.wire.gate(turn.get("gate"))
        kind = turn.get("type", "application/json")
        return turn.wire.whole(turn.get("status", 200), turn.body(), kind, turn.extra())
    turn.wire.head(200, [SSE, CHUNKED, *turn.extra()])
    for number, event in enumerate(turn.events()):
        if number:
            turn.wire.gate(turn.get("gate"))
            turn.wire.pause(turn.get("pause", 0))
        turn.wire.chunk(event)
    turn.wire.last_chunk()


@fault("ok")
def late(turn):
    """A good answer whose first byte waits for a permit."""
    turn.wire.gate(turn.step.pop("gate", None))
    ok(turn)


@fault("ok")
def gzipped(turn):
    """Compressed when that was asked for."""
    asked = "gzip" in (turn.ask.header("accept-encoding") or "")
    coding = [("Content-Encoding", "gzip")] if asked else []
    if not turn.streams:
        body = gzip.compress(turn.body()) if asked else turn.body()
        return turn.wire.whole(200, body, headers=coding)
    stream = b"".join(turn.events())
    turn.wire.head(200, [SSE, CHUNKED, *coding])
    turn.wire.chunk(gzip.compress(stream) if asked else stream)
    turn.wire.last_chunk()


@fault("ok")
def closes(turn):
    """A good answer on a connection that is then closed without a word about it."""
    turn.wire.whole(200, turn.body())
    turn.wire.close()


@fault("U23")
def chunk_extension(turn):
    body = b"".join(turn.events()) if turn.streams else turn.body()
    turn.wire.head(200, [SSE if turn.streams else JSON, CHUNKED])
    turn.wire.send(b"%x;%s\r\n%s\r\n" % (len(body), b"a" * 100000, body))
    turn.wire.last_chunk()


@fault("U24")
def http10(turn):
    body = b"".join(turn.events()) if turn.streams else turn.body()
    kind = b"text/event-stream" if turn.streams else b"application/json"
    turn.wire.send(b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n%s" % (kind, body))
    turn.wire.close()


@fault("U30")
def interim(turn):
    turn.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    turn.wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nX-Interim: 1\r\n\r\n")
    ok(turn)


@fault("U32")
def folded_header(turn):
    turn.step["headers"] = [["X-Folded", "a\r\n b"]]
    ok(turn)


@fault("U32")
def bare_lf(turn):
    body = b"".join(turn.events()) if turn.streams else turn.body()
    kind = b"text/event-stream" if turn.streams else b"application/json"
    head = b"HTTP/1.1 200 OK\nContent-Type: %s\nContent-Length: %d\n\n" % (kind, len(body))
    turn.wire.send(head + body)


@fault("U36")
def drip(turn):
    turn.step.setdefault("pause", 0.1)
    if turn.streams:
        return ok(turn)
    turn.wire.head(200, [JSON, ("Content-Length", len(turn.body()))])
    for at in range(0, len(turn.body()), 64):
        turn.wire.send(turn.body()[at:at + 64])
        turn.wire.pause(turn.get("pause"))


@fault("U49")
def json_for_stream(turn):
    turn.wire.whole(200, turn.body())


@fault("U49")
def stream_for_json(turn):
    turn.step["stream"] = True
    ok(turn)


@fault("U53")
def odd_bytes(turn):
    """Line ends of every kind, a byte order mark, a NUL and invalid UTF-8 inside a comment."""
    events = turn.events()
    events[1] = events[1].replace(b"\n", b"\r\n")
    events[2] = events[2].replace(b"\n", b"\r")
    turn.wire.head(200, [SSE, CHUNKED])
    turn.wire.chunk(b"\xef\xbb\xbf" + events[0] + b": \x00 \xff\xfe\n\n" + b"".join(events[1:]))
    turn.wire.last_chunk()


@fault("U54")
def byte_by_byte(turn):
    turn.wire.head(200, [SSE, CHUNKED])
    for byte in b"".join(turn.events()):
        turn.wire.chunk(bytes([byte]))
    turn.wire.last_chunk()


@fault("U54")
def split(turn):
    stream = b"".join(turn.events())
    turn.wire.head(200, [SSE, CHUNKED])
    turn.wire.chunk(stream[:turn.get("at")])
    turn.wire.pause(0.002)
    turn.wire.chunk(stream[turn.get("at"):])
    turn.wire.last_chunk()
