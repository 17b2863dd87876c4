#!/usr/bin/env python3
"""How long after a client has left does the upstream see its connection closed?

    leaving.py --gateway URL --port N [--trials N] [--at-once N] [--how fin|rst]

Is the upstream at that port itself, so the two times are of one clock. Three kinds of trials: the
client leaves while tokens flow (ten a second), in a stream that fell silent, and a JSON call before
its first byte; each at a moment chosen at random. Prints a line for each kind; ends with 1 when an
upstream was not let go within ten seconds.
"""

import argparse
import concurrent.futures
import json
import random
import re
import select
import socket
import struct
import sys
import threading
import time
import urllib.parse

PATIENCE_S = 10
KINDS = ("flowing", "silent", "json")


class Trial:
    def __init__(self, kind):
        self.kind = kind
        self.asked = threading.Event()  # the upstream has the request
        self.closed = threading.Event()
        self.left_at = self.closed_at = None


trials = {}


# --- the upstream -------------------------------------------------------------------------------


def read_request(sock):
    text = b""
    while b"\r\n\r\n" not in text:
        text += sock.recv(65536) or b"\r\n\r\n"
    head, body = text.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
    while length and len(body) < int(length.group(1)):
        body += sock.recv(65536)
    return body


def event(word):
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [choice]}
    text = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(text), text)


def is_closed(sock, seconds):
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLRDHUP)
    return bool(poll.poll(seconds * 1000))


def answer(sock):
    with sock:
        trial = trials.get(json.loads(read_request(sock) or b"{}").get("model"))
        if not trial:
            return
        trial.asked.set()
        if trial.kind != "json":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n" + event("one"))
        end = time.monotonic() + 60
        while time.monotonic() < end and not is_closed(sock, 0.1 if trial.kind == "flowing" else 60):
            if trial.kind == "flowing":
                sock.sendall(event("more"))
        trial.closed_at = time.monotonic()
        trial.closed.set()


def accept(listener):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=answer, args=(sock,), daemon=True).start()


# --- the client ---------------------------------------------------------------------------------


def send_request(url, trial, name):
    sock = socket.create_connection((url.hostname, url.port), timeout=30)
    body = json.dumps({"model": name, "stream": trial.kind != "json",
                       "messages": [{"role": "user", "content": "x"}]}).encode()
    sock.sendall(b"POST %s/v1/chat/completions HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n"
                 b"Content-Type: application/json\r\n\r\n%s"
                 % (url.path.encode(), url.netloc.encode(), len(body), body))
    return sock


def read_event(sock):
    text = b""
    while b"data: " not in text:
        part = sock.recv(65536)
        if not part:
            raise ConnectionError(f"no event: {text!r}")
        text += part


def leave(sock, how):
    if how == "rst":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def run(url, kind, number, how):
    name = f"{kind}-{number}"
    trial = trials[name] = Trial(kind)
    sock = send_request(url, trial, name)
    if kind == "json":
        trial.asked.wait(30)
    else:
        read_event(sock)
    time.sleep(random.uniform(0.1, 2.1))
    trial.left_at = time.monotonic()
    leave(sock, how)
    return trial.closed_at - trial.left_at if trial.closed.wait(PATIENCE_S) else None


def report(kind, delays):
    seen = sorted(delay * 1000 for delay in delays if delay is not None)
    unseen = len(delays) - len(seen)
    if seen:
        at = [seen[min(len(seen) - 1, int(len(seen) * part))] for part in (0.5, 0.99)]
        print(f"{kind:8} n={len(delays)} unseen={unseen} "
              f"p50={at[0]:.0f} p99={at[1]:.0f} max={seen[-1]:.0f} ms", flush=True)
    else:
        print(f"{kind:8} n={len(delays)} unseen={unseen}", flush=True)
    return unseen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gateway", required=True, type=urllib.parse.urlsplit)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--how", choices=("fin", "rst"), default="fin")
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    unseen = 0
    for kind in KINDS:
        with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
            unseen += report(kind, list(pool.map(
                lambda number, kind=kind: run(options.gateway, kind, number, options.how),
                range(options.trials))))
    sys.exit(1 if unseen else 0)


if __name__ == "__main__":
    main()
