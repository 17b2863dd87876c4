"""Answers of which two readers could find two ends, parts, endless framing, answers out of order."""

import shapes
from turn import CHUNKED, JSON, SSE, fault

OK = b"HTTP/1.1 200 OK\r\n"


def kind(turn):
    return b"Content-Type: %s\r\n" % (SSE if turn.streams else JSON)[1].encode()


def whole(turn):
    return b"".join(turn.events()) if turn.streams else turn.body()


# --- which framing? ------------------------------------------------------------------------------


def framed(name, lines, cut=False):
    """The answer in chunks, whatever the lines say of them; `cut`: without its last chunk."""
    def answer(turn):
        body = whole(turn)
        turn.wire.send(OK + kind(turn) + lines + b"\r\n%x\r\n%s\r\n" % (len(body), body))
        if not cut:
            turn.wire.last_chunk()
        turn.wire.close()
    answer.__name__ = name
    fault("U59")(answer)


TE = b"Transfer-Encoding:"
for _name, _lines in (
    ("folded_coding", TE + b"\r\n chunked\r\n"),
    ("gzip_chunked", TE + b" gzip, chunked\r\n"),
    ("identity", TE + b" identity\r\n"),
    ("chunked_identity", TE + b" chunked, identity\r\n"),
    ("xchunked", TE + b" xchunked\r\n"),
    ("chunked_parameter", TE + b" chunked;q=1\r\n"),
    ("chunked_twice", TE + b" chunked\r\n" + TE + b" chunked\r\n"),
    ("coding_and_blank", b"Transfer-Encoding : chunked\r\n"),
    ("coding_behind_cr", b"X: a\r" + TE + b" chunked\r\n"),
):
    framed(_name, _lines)
framed("folded_coding_cut", TE + b"\r\n chunked\r\n", cut=True)


@fault("U59")
def http10_chunked(turn):
    turn.wire.send(b"HTTP/1.0 200 OK\r\n" + kind(turn) + TE + b" chunked\r\n\r\n")
    turn.wire.chunk(whole(turn))
    turn.wire.last_chunk()
    turn.wire.close()


@fault("U59")
def length_in_trailer(turn):
    turn.wire.head(200, [JSON, CHUNKED])
    turn.wire.chunk(turn.body())
    turn.wire.send(b"0\r\nContent-Length: 5\r\n\r\n")
    turn.wire.close()


@fault("U59")
def bare_lf_chunk(turn):
    turn.wire.head(200, [JSON, CHUNKED])
    turn.wire.send(b"%x\r\n%s\n0\r\n\r\n" % (len(turn.body()), turn.body()))
    turn.wire.close()


@fault("U59")
def fold_first(turn):
    """A good answer but for its first header, which continues one that is not there."""
    turn.wire.send(OK + b"\tF: x\r\n" + kind(turn) + b"Content-Length: %d\r\n\r\n" % len(whole(turn)))
    turn.wire.send(whole(turn))


# --- what was not asked for ----------------------------------------------------------------------


def unasked(name, status, headers):
    def answer(turn):
        turn.wire.whole(status, whole(turn), (SSE if turn.streams else JSON)[1], headers)
    answer.__name__ = name
    fault("U60")(answer)


unasked("part", 206, [("Content-Range", "bytes 0-9/100")])
unasked("part_without_range", 206, [])
unasked("part_as_whole", 200, [("Content-Range", "bytes 0-9/100")])
unasked("difference", 226, [("IM", "vcdiff")])
unasked("content_of_204", 204, [])
unasked("content_of_205", 205, [])


# --- without end ---------------------------------------------------------------------------------


def endless(name, begin, more):
    def answer(turn):
        turn.wire.head(200, [SSE if turn.streams else JSON, CHUNKED])
        turn.wire.send(begin)
        while True:
            turn.wire.send(more)
    answer.__name__ = name
    fault("U61")(answer)


endless("endless_extension", b"5;", b"a" * 65536)
endless("endless_trailers", b"0\r\n", b"X: a\r\n" * 10000)
endless("endless_line_ends", b"1\r\n{", b"\r" * 65536)


@fault("U61")
def endless_blank_lines(turn):
    while True:
        turn.wire.send(b"\r\n" * 10000)


# --- out of order --------------------------------------------------------------------------------


def stray(turn):
    return shapes.answer("stray", turn.ask, ("stray",))


@fault("U62")
def answer_twice(turn):
    """Another answer in one piece with the one that was asked for, and behind it."""
    body, other = turn.body(), stray(turn)
    head = OK + kind(turn) + b"Content-Length: %d\r\n\r\n"
    turn.wire.send(head % len(body) + body + head % len(other) + other)


@fault("U62")
def answer_twice_late(turn):
    """The other one follows as soon as a test lets it."""
    turn.wire.whole(200, turn.body())
    turn.wire.gate(turn.get("gate"))
    turn.wire.whole(200, stray(turn))
