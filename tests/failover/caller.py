"""One chat request, asked as a careful client asks it, and what that client would believe.

An answer counts as given when the status is 200, the transfer ended as it should and no error stood
in it. Whether it is whole is not the caller's to say: the judge knows what was to be said.
"""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Call:
    """What came of one request."""
    outcome: str = "error"  # "answer", "error" or "hang"
    status: int = 0
    text: str = ""
    model: str = ""
    usage: dict | None = None
    code: str = ""  # of the error
    error: str = ""
    attempts: str = ""  # X-Postern-Attempts
    seconds: float = 0.0


class InBand(Exception):
    """An error inside a 200."""


def note_error(call, error):
    """An error in OpenAI's shape."""
    call.code = error.get("code") or error.get("type") or "none"
    call.error = f"{call.code}: {error.get('message')}"


def read_json(call, body):
    answer = json.loads(body)
    if answer.get("error"):
        note_error(call, answer["error"])
        raise InBand
    call.text = answer["choices"][0]["message"]["content"]
    call.model, call.usage = answer.get("model"), answer.get("usage")


def read_event(call, line):
    """One line of a stream. What is no JSON is passed over, as lenient clients do."""
    if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
        return
    try:
        event = json.loads(line[5:])
    except ValueError:
        return
    if event.get("error"):
        note_error(call, event["error"])
        raise InBand
    call.model = event.get("model") or call.model
    call.usage = event.get("usage") or call.usage
    for choice in event.get("choices", []):
        call.text += choice.get("delta", {}).get("content") or ""


def read_stream(call, reply, deadline):
    """read1() tells a cut transfer, which readline() takes for an end."""
    rest = b""
    while piece := reply.read1(65536):
        if time.monotonic() > deadline:
            raise socket.timeout("it never ends")
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            read_event(call, line)


def exchange(call, connection, path, body, headers, deadline):
    connection.request("POST", path, json.dumps(body), headers)
    reply = connection.getresponse()
    call.status = reply.status
    call.attempts = reply.getheader("X-Postern-Attempts", "")
    if reply.status != 200:
        note_error(call, json.loads(reply.read())["error"])
        return
    if body.get("stream"):
        read_stream(call, reply, deadline)
    else:
        read_json(call, reply.read())
    call.outcome = "answer"


def ask(base, model, delivery, stream=True, patience_s=10.0):
    """The Call that one request to the gateway at `base` came to, within `patience_s`."""
    url = urlsplit(base)
    body = {"model": model, "messages": [{"role": "user", "content": "Say the sixty words."}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    headers = {"Content-Type": "application/json", "X-Postern-Delivery": delivery}
    call, begun = Call(), time.monotonic()
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=patience_s)
    try:
        exchange(call, connection, url.path + "/v1/chat/completions", body, headers,
                 begun + patience_s)
    except socket.timeout:
        call.outcome, call.error = "hang", f"nothing within {patience_s:g} s"
    except InBand:
        pass
    except (http.client.HTTPException, OSError, ValueError, KeyError, IndexError) as why:
        call.code, call.error = "none", f"broken answer: {type(why).__name__}"
    finally:
        connection.close()
    call.seconds = time.monotonic() - begun
    return call
