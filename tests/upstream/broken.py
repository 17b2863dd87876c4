"""Broken connections, broken HTTP, broken sizes and codings."""

import gzip

import shapes
from turn import ACCEPT, CHUNKED, HEAD, JSON, SSE, fault

# --- the connection ----------------------------------------------------------------------------


@fault("U10", ACCEPT)
def speaks_first(turn):
    """Plain text where a TLS handshake is expected."""
    turn.wire.whole(400, b"<h1>speak TLS</h1>", "text/html")
    turn.wire.close()


@fault("U11", ACCEPT)
def reset_on_accept(turn):
    turn.wire.reset()


@fault("U12", ACCEPT)
def close_on_accept(turn):
    turn.wire.close()


@fault("U12")
def close_without_answer(turn):
    turn.wire.close()


@fault("U13")
def reset_mid_headers(turn):
    turn.wire.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    turn.wire.reset()


@fault("U14")
def close_mid_headers(turn):
    turn.wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    turn.wire.close()


@fault("U15")
def reset_mid_body(turn):
    turn.begin()
    turn.wire.pause(0.02)  # a reset overtakes bytes that were not read yet
    turn.wire.reset()


@fault("U16")
def close_mid_body(turn):
    turn.begin()
    turn.wire.close()


@fault("U17")
def short_body(turn):
    body = b"".join(turn.events()[:turn.get("after", 0)]) if turn.streams else turn.body()[:37]
    length = ("Content-Length", len(body) + 63)
    turn.wire.head(200, [SSE if turn.streams else JSON, length])
    turn.wire.send(body)
    turn.wire.close()


@fault("U33")
def slow_header(turn):
    turn.wire.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        turn.wire.send(b"a")
        turn.wire.pause(0.2)


@fault("U34")
def silent(turn):
    turn.wire.hold()


@fault("U35")
def stall(turn):
    turn.begin()
    turn.wire.hold()


@fault("U57", HEAD)
def early_413(turn):
    turn.wire.whole(413, shapes.error("too large", "invalid_request_error"))
    turn.wire.pause(0.02)
    turn.wire.reset()


# --- HTTP --------------------------------------------------------------------------------------


def broken_head(row, name, lines):
    def answer(turn):
        turn.wire.send(lines + b"\r\n" + turn.body())
        turn.wire.close()
    answer.__name__ = name
    fault(row)(answer)


HTTP200 = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
for _row, _name, _lines in (
    ("U18", "two_lengths", HTTP200 + b"Content-Length: 30\r\nContent-Length: 400\r\n"),
    ("U18", "huge_length", HTTP200 + b"Content-Length: 1" + b"0" * 23 + b"\r\n"),
    ("U19", "negative_length", HTTP200 + b"Content-Length: -5\r\n"),
    ("U19", "garbage_length", HTTP200 + b"Content-Length: banana\r\n"),
    ("U20", "length_and_chunked", HTTP200 + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("U21", "bad_chunk_size", HTTP200 + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("U21", "long_chunk_size", HTTP200 + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 21),
    ("U26", "garbage", bytes(range(256))),
    ("U26", "http09", b""),
    ("U26", "http99", b"HTTP/9.9 200 OK\r\nContent-Type: application/json\r\n"),
    ("U26", "status_20", b"HTTP/1.1 20 OK\r\nContent-Type: application/json\r\n"),
    ("U26", "status_000", b"HTTP/1.1 000 OK\r\nContent-Type: application/json\r\n"),
    ("U27", "http2_in_clear", b"HTTP/2 200\r\nContent-Type: application/json\r\n"),
    ("U27", "status_999", b"HTTP/1.1 999 No\r\nContent-Type: application/json\r\n"),
    ("U27", "status_101", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n"),
    ("U28", "big_header", HTTP200 + b"X-Big: " + b"a" * 200000 + b"\r\n"),
    ("U31", "nul_in_header", HTTP200 + b"X-Nul: a\0b\r\n"),
    ("U31", "no_colon", HTTP200 + b"nocolon\r\n"),
):
    broken_head(_row, _name, _lines)


@fault("U22")
def cut_chunk(turn):
    turn.wire.head(200, [SSE if turn.streams else JSON, CHUNKED])
    if turn.streams:
        for event in turn.events()[:turn.get("after", 0)]:
            turn.wire.chunk(event)
    turn.wire.send(b"ff\r\n" + turn.body()[:37])
    turn.wire.close()


@fault("U22")
def no_last_chunk(turn):
    """Every byte of a JSON answer, but for the end of the transfer. A stream lacks its finish too."""
    turn.wire.head(200, [SSE if turn.streams else JSON, CHUNKED])
    turn.wire.chunk(turn.events()[0] if turn.streams else turn.body())
    turn.wire.close()


@fault("U25")
def http10_cut(turn):
    body = turn.events()[0][:-9] if turn.streams else turn.body()[:-9]
    kind = b"text/event-stream" if turn.streams else b"application/json"
    turn.wire.send(b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n%s" % (kind, body))
    turn.wire.close()


@fault("U29")
def endless_headers(turn):
    turn.wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        turn.wire.send(b"X-More: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 100)


@fault("U29")
def endless_103(turn):
    while True:
        turn.wire.send(b"HTTP/1.1 103 Early\r\nX-More: aaaaaaaaaaaa\r\n\r\n" * 100)


# --- sizes and codings -------------------------------------------------------------------------


@fault("U37")
def endless_json(turn):
    turn.wire.head(200, [JSON, CHUNKED])
    turn.wire.chunk(b'{"choices":[{"index":0,"message":{"content":"')
    while True:
        turn.wire.chunk(b"a" * 65536)


@fault("U37")
def long_json(turn):
    """A good answer of about `size` bytes."""
    words = ["x" * 1000] * (turn.get("size", 1 << 20) // 1001)
    turn.wire.whole(200, shapes.answer(turn.name, turn.ask, words))


@fault("U22")
def cut_bytes(turn):
    """`begin` and `size` more bytes, a gate, and no end; with `length` more were promised."""
    begin, size = turn.get("begin", "").encode(), turn.get("size", 1 << 18)
    length = ("Content-Length", len(begin) + size + 100000)
    turn.wire.head(200, [("Content-Type", turn.get("type", "audio/mpeg")),
                         length if turn.get("length") else CHUNKED])
    send = turn.wire.send if turn.get("length") else turn.wire.chunk
    send(begin + b"a" * size)
    turn.wire.gate(turn.get("gate"))
    turn.wire.close()


@fault("U38")
def endless_stream(turn):
    turn.wire.head(200, [SSE, CHUNKED])
    while True:
        turn.wire.chunk(turn.events()[1])
        turn.wire.pause(0.01)


@fault("U38")
def endless_line(turn):
    turn.wire.head(200, [SSE, CHUNKED])
    for event in turn.events()[:turn.get("after", 0)]:
        turn.wire.chunk(event)
    turn.wire.chunk(b"data: ")
    while True:
        turn.wire.chunk(b"a" * 65536)


@fault("U55")
def unasked_gzip(turn):
    turn.wire.whole(200, gzip.compress(turn.body()), headers=[("Content-Encoding", "gzip")])


@fault("U55")
def unasked_br(turn):
    turn.wire.whole(200, b"\x0b\x02\x80{}\x03", headers=[("Content-Encoding", "br")])


@fault("U56")
def cut_gzip(turn):
    body = gzip.compress(b"".join(turn.events()) if turn.streams else turn.body())[:30]
    kind = SSE[1] if turn.streams else JSON[1]
    turn.wire.whole(200, body, kind, [("Content-Encoding", "gzip")])


@fault("U56")
def gzip_bomb(turn):
    body = b'{"choices":[{"message":{"content":"' + b"a" * 200_000_000
    turn.wire.whole(200, gzip.compress(body, 1), headers=[("Content-Encoding", "gzip")])
