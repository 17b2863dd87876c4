#!/usr/bin/env python3
"""Mixed load on a gateway for a stated time, at a stated rate, and what was wrong with its answers.

    load.py BASE SECONDS --rate N --control PORT … [--env FILE]

Every kind of request that the gateway knows, in fixed shares: JSON, streams, held streams, streams
that the client leaves, faults of the first upstream and of all, uploads, large bodies, TLS, errors of
the client's, and a burst of slow streams now and then. With --env the configuration is rewritten every
few seconds. The upstreams (hostile.py) are told by the model's name what to do, and to forget what they
remember. Prints {"requests": N, "kinds": {…}, "wrong": {…}}; an answer is wrong when a client would take
it for something that it is not.
"""

import argparse
import collections
import http.client
import json
import os
import random
import shutil
import threading
import time
import urllib.parse

CLIENTS = 12
BURST = 60
BURST_EVERY_S = 20
RELOAD_EVERY_S = 10
FORGET_EVERY_S = 15
TIMEOUT_S = 60
WORDS = ["one", "two", "three", "four", "five"]

FAULTS = ["reset_on_accept", "close_without_answer", "reset_mid_headers", "close_mid_headers",
          "reset_mid_body", "close_mid_body", "short_body", "status", "limited", "error_in_200", "html",
          "no_choices", "redirect", "empty_200", "unfinished_json", "doubled_members"]
STREAM_FAULTS = ["error_first_event", "empty_stream", "only_done", "role_only", "not_json_event"]
CUTS = ["error_mid_stream", "unfinished", "choice_breaks_off", "finish_everywhere"]


class Wrong(Exception):
    pass


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.kinds, self.wrong = collections.Counter(), collections.Counter()

    def note(self, kind, wrong=None):
        with self.lock:
            self.kinds[kind] += 1
            if wrong:
                self.wrong[f"{kind}: {wrong}"[:200]] += 1


class Client:
    """One keep-alive connection."""

    def __init__(self, base):
        self.url = urllib.parse.urlsplit(base)
        self.connection = http.client.HTTPConnection(self.url.netloc, timeout=TIMEOUT_S)

    def send(self, path, body, headers=(), method="POST"):
        kept = {"Content-Type": "application/json", **dict(headers)}
        self.connection.request(method, self.url.path + path, body, kept)
        return self.connection.getresponse()

    def leave(self):
        self.connection.close()


def chat(model, stream=False, words="hello", **more):
    return json.dumps({"model": model, "stream": stream, **more,
                       "messages": [{"role": "user", "content": words}]})


def expect_json(answer):
    body = answer.read()
    if answer.status != 200:
        raise Wrong(f"{answer.status} {body[:80]!r}")
    content = json.loads(body)["choices"][0]["message"]["content"]
    if content != " ".join(WORDS):
        raise Wrong(f"content {content!r}")


def read_stream(answer):
    body = answer.read().decode()
    events = [line[6:] for line in body.splitlines() if line.startswith("data: ")]
    words = [json.loads(event)["choices"][0]["delta"].get("content") for event in events
             if event != "[DONE]" and "choices" in event]
    return events, [word for word in words if word]


def expect_stream(answer):
    if answer.status != 200:
        raise Wrong(f"{answer.status} {answer.read()[:80]!r}")
    events, words = read_stream(answer)
    if words != WORDS or events[-1] != "[DONE]":
        raise Wrong(f"words {words} and then {events[-1:]}")


def expect_error(answer, *statuses):
    body = answer.read()
    if answer.status not in statuses:
        raise Wrong(f"{answer.status} {body[:80]!r}")
    if not json.loads(body).get("error"):
        raise Wrong(f"no error in {body[:80]!r}")


# --- the kinds ---------------------------------------------------------------------------------


def whole_json(client):
    expect_json(client.send("/v1/chat/completions", chat("gpt-4o")))


def whole_stream(client):
    expect_stream(client.send("/v1/chat/completions", chat("gpt-4o", True)))


def held_stream(client):
    expect_stream(client.send("/v1/chat/completions", chat("gpt-4o", True),
                              [("X-Postern-Delivery", "held")]))


def left_stream(client):
    answer = client.send("/v1/chat/completions", chat("hostile/*/drip", True))
    answer.readline()
    client.leave()


def fallen_back(client):
    mode = random.choice(FAULTS)
    expect_json(client.send("/v1/chat/completions", chat(f"hostile/primary/{mode}")))


def stream_fallen_back(client):
    mode = random.choice(FAULTS + STREAM_FAULTS)
    expect_stream(client.send("/v1/chat/completions", chat(f"hostile/primary/{mode}", True)))


def cut_stream(client):
    mode = random.choice(CUTS)
    answer = client.send("/v1/chat/completions", chat(f"hostile/primary/{mode}", True))
    events, words = read_stream(answer)
    if answer.status != 200 or not json.loads(events[-1]).get("error") or words == WORDS:
        raise Wrong(f"{mode}: {answer.status} {events[-1:]}")


def held_cut_stream(client):
    mode = random.choice(CUTS)
    expect_stream(client.send("/v1/chat/completions", chat(f"hostile/primary/{mode}", True),
                              [("X-Postern-Delivery", "held")]))


def all_fail(client):
    mode = random.choice(["status", "error_in_200", "close_mid_body", "html"])
    expect_error(client.send("/v1/chat/completions", chat(f"hostile/*/{mode}")), 500, 502, 503, 504)


def embeddings(client):
    answer = client.send("/v1/embeddings", json.dumps({"model": "e", "input": "hello"}))
    if answer.status != 200 or not json.loads(answer.read())["data"]:
        raise Wrong(str(answer.status))


def large_body(client):
    expect_json(client.send("/v1/chat/completions", chat("gpt-4o", words="x" * 300_000)))


def upload(client):
    size = random.choice([1_000, 60_000, 400_000])
    body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"u" * size +
            b"\r\n--b--\r\n")
    answer = client.send("/v1/files", body, [("Content-Type", "multipart/form-data; boundary=b")])
    if answer.status != 200 or json.loads(answer.read())["length"] != len(body):
        raise Wrong(str(answer.status))


def tls_json(client):
    expect_json(client.send("/v1/chat/completions", chat("tls")))


def tls_stream(client):
    expect_stream(client.send("/v1/chat/completions", chat("tls", True)))


def clients_fault(client):
    body = random.choice(["{", '{"model":1,"model":2}'])
    expect_error(client.send("/v1/chat/completions", body), 400)


def page(client):
    answer = client.send("/status", None, method="GET")
    if answer.status != 200 or not answer.read():
        raise Wrong(str(answer.status))


SHARES = [(whole_json, 28), (whole_stream, 20), (held_stream, 5), (left_stream, 6), (fallen_back, 8),
          (stream_fallen_back, 6), (cut_stream, 4), (held_cut_stream, 3), (all_fail, 3),
          (embeddings, 4), (large_body, 1), (upload, 3), (tls_json, 3), (tls_stream, 2),
          (clients_fault, 2), (page, 2)]


# --- driving it --------------------------------------------------------------------------------


def ask(client, kind, counts):
    try:
        kind(client)
        counts.note(kind.__name__)
    except Wrong as why:
        counts.note(kind.__name__, str(why))
    except (OSError, ValueError, LookupError, http.client.HTTPException) as why:
        counts.note(kind.__name__, f"{type(why).__name__} {why}")
        client.leave()


def drive(base, counts, end, pause_s):
    kinds, weights = zip(*SHARES)
    client = Client(base)
    due = time.monotonic() + random.random() * pause_s
    while (now := time.monotonic()) < end:
        time.sleep(max(0, due - now))
        due = max(due + pause_s, now)  # what was missed is not made up for
        ask(client, random.choices(kinds, weights)[0], counts)
    client.leave()


def slow_stream(client):
    expect_stream(client.send("/v1/chat/completions", chat("hostile/*/drip", True)))


def bursts(base, counts, end):
    while time.monotonic() + BURST_EVERY_S < end:
        time.sleep(BURST_EVERY_S)
        crowd = [threading.Thread(target=ask, args=(Client(base), slow_stream, counts))
                 for _ in range(BURST)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()


def reloads(path, end):
    with open(path, encoding="utf-8") as env:
        lines = env.read()
    owner = os.stat(path)
    number = 0
    while time.monotonic() < end:
        time.sleep(RELOAD_EVERY_S)
        number += 1
        with open(path + ".new", "w", encoding="utf-8") as new:
            new.write(f"{lines}APP_VERSION=soak-{number}\n")
        shutil.copymode(path, path + ".new")
        os.chown(path + ".new", owner.st_uid, owner.st_gid)
        os.replace(path + ".new", path)


def forget(ports, end):
    while time.monotonic() < end:
        time.sleep(FORGET_EVERY_S)
        for port in ports:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
            connection.request("POST", "/reset")
            connection.getresponse().read()
            connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--rate", type=float, required=True, help="requests a second, all together")
    parser.add_argument("--control", type=int, action="append", default=[])
    parser.add_argument("--env")
    options = parser.parse_args()
    random.seed(8)
    threading.stack_size(256 * 1024)
    end = time.monotonic() + options.seconds
    counts = Counts()
    crew = [threading.Thread(target=drive, args=(options.base, counts, end, CLIENTS / options.rate))
            for _ in range(CLIENTS)]
    crew.append(threading.Thread(target=bursts, args=(options.base, counts, end)))
    crew.append(threading.Thread(target=forget, args=(options.control, end), daemon=True))
    if options.env:
        crew.append(threading.Thread(target=reloads, args=(options.env, end), daemon=True))
    for one in crew:
        one.start()
    for one in crew:
        if not one.daemon:
            one.join()
    print(json.dumps({"requests": sum(counts.kinds.values()), "kinds": counts.kinds,
                      "wrong": counts.wrong}, indent=1))


if __name__ == "__main__":
    main()
