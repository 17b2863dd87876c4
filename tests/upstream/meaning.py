"""Whole answers and streams that mean something bad."""

import shapes
from good import ok
from turn import CHUNKED, JSON, SSE, fault

# --- statuses and meanings ---------------------------------------------------------------------


@fault("U45")
def status(turn):
    """Any status with a body of OpenAI's shape, or the step's own body; it waits for a permit of `gate`."""
    turn.wire.gate(turn.get("gate"))
    code = turn.get("status", 503)
    body = shapes.error(f"{turn.name} says {code}", turn.get("kind", "server_error"),
                        turn.get("code"))
    kind = turn.get("type", "application/json")
    turn.wire.whole(code, turn.body() if "body" in turn.step else body, kind, turn.extra())


@fault("U39")
def empty_204(turn):
    turn.wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")


@fault("U39")
def not_modified(turn):
    turn.wire.send(b"HTTP/1.1 304 Not Modified\r\n\r\n")


@fault("U39")
def empty_200(turn):
    turn.wire.whole(200, b"", SSE[1] if turn.streams else JSON[1])


@fault("U40")
def redirect(turn):
    location = ("Location", turn.get("location", "http://127.0.0.1:9/"))
    turn.wire.whole(turn.get("status", 307), b"", "text/plain", [location])


@fault("U41")
def unauthorized(turn):
    """Quotes the key that it was sent, as some providers do."""
    key = turn.ask.header("authorization") or turn.ask.header("api-key") or ""
    body = shapes.error(f"Incorrect API key provided: {key}", "invalid_request_error",
                        "invalid_api_key")
    turn.wire.whole(turn.get("status", 401), body)


@fault("U42")
def no_money(turn):
    turn.wire.whole(turn.get("status", 429),
                    shapes.error("You exceeded your current quota", "insufficient_quota",
                                 "insufficient_quota"))


@fault("U43")
def limited(turn):
    """429; `retry_after` is one value or several."""
    values = turn.get("retry_after", [])
    values = values if isinstance(values, list) else [values]
    turn.wire.whole(429, shapes.error("slow down", "rate_limit_error", "rate_limit_exceeded"),
                    headers=[("Retry-After", value) for value in values])


@fault("U47")
def error_in_200(turn):
    turn.wire.whole(200, shapes.error("the model failed", "server_error"))


@fault("U48")
def html(turn):
    turn.wire.whole(200, b"<!doctype html><title>Log in</title>", "text/html")


@fault("U48")
def html_as_json(turn):
    turn.wire.whole(200, b"<!doctype html><title>Log in</title>")


@fault("U47")
def no_choices(turn):
    turn.wire.whole(200, b'{"id":"x","object":"chat.completion","choices":[]}')


@fault("U47")
def unfinished_json(turn):
    """Closed, and still not at its end: the reason is null, the response in progress."""
    body = turn.body().replace(b'"finish_reason":"stop"', b'"finish_reason":null')
    turn.wire.whole(200, body.replace(b'"status":"completed"', b'"status":"in_progress"'))


@fault("U47")
def doubled_members(turn):
    """Some clients read the first, some the last."""
    body = turn.body().replace(b'"message":{', b'"message":{"role":"x","content":"y"},"message":{')
    turn.wire.whole(200, body.replace(b'"output":[', b'"output":[],"output":['))


@fault("U58")
def cgi_headers(turn):
    """Headers that would steer the operator's own web server or site."""
    turn.step["headers"] = [
        ["Status", "302 Found"], ["Location", "http://127.0.0.1:9/"],
        ["X-Sendfile", "/etc/passwd"], ["X-LIGHTTPD-send-file", "/etc/passwd"],
        ["X-Accel-Redirect", "/secret"], ["Set-Cookie", "session=stolen; Path=/"],
        ["Strict-Transport-Security", "max-age=1"], ["Clear-Site-Data", '"*"'],
        ["Access-Control-Allow-Origin", "*"], ["Server", "evil"],
        ["X-Request-Id", "req_upstream"], ["OpenAI-Processing-Ms", "12"],
        ["X-RateLimit-Remaining-Requests", "59"],
    ]
    ok(turn)


# --- streams -----------------------------------------------------------------------------------


def stream_of(turn, events):
    turn.wire.head(200, [SSE, CHUNKED])
    for event in events:
        turn.wire.chunk(event)
        turn.wire.gate(turn.get("gate"))
    turn.wire.last_chunk()


@fault("U50")
def error_first_event(turn):
    error = shapes.error("overloaded", "overloaded_error")
    stream_of(turn, [b": ping\n\n", b"data: " + error + b"\n\n"])


@fault("U51")
def error_mid_stream(turn):
    error = shapes.error("the model fell over", "server_error")
    events = turn.events()[:turn.get("after", 2)]
    stream_of(turn, events + [b"data: " + error + b"\n\n"])


@fault("U50")
def empty_stream(turn):
    stream_of(turn, [])


@fault("U50")
def only_done(turn):
    stream_of(turn, [b"data: [DONE]\n\n"])


@fault("U50")
def role_only(turn):
    stream_of(turn, [shapes.chat_chunk(turn.name, turn.ask.model, {"role": "assistant"})])


@fault("U50")
def not_json_event(turn):
    events = turn.events()[:turn.get("after", 0)]
    stream_of(turn, events + [b'data: {"id":"chatcmpl-1","choices":[{"delta":{"conte\n\n'])


@fault("U52")
def unfinished(turn):
    """A clean end of the transfer, but neither a finish reason nor [DONE]."""
    stream_of(turn, turn.events()[:turn.get("after", 3)])


@fault("U52")
def no_done(turn):
    """Finished, though without [DONE]: whole."""
    stream_of(turn, turn.events()[:-1])


@fault("U51")
def choice_breaks_off(turn):
    """A failure that is told by a finish reason, and then everything that a good end has."""
    chunk = shapes.chat_chunk(turn.name, turn.ask.model, {"content": "?"}, turn.get("why", "abort"))
    stream_of(turn, turn.events()[:turn.get("after", 3)] + [chunk, b"data: [DONE]\n\n"])


@fault("U52")
def finish_everywhere(turn):
    """Every word has a finish reason beside it, and the transfer breaks after some of them."""
    words = turn.get("words", shapes.WORDS)[:turn.get("after", 3)]
    turn.wire.head(200, [SSE, CHUNKED])
    for word in words:
        turn.wire.chunk(shapes.chat_chunk(turn.name, turn.ask.model, {"content": word},
                                          turn.get("why", "stop")))
    turn.wire.close()
