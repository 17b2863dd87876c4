#!/usr/bin/env python3
"""Asks the gateway without a pause until it is told to stop, and says how that went.

    load.py BASE CLIENTS STOP-FILE

Half of the clients ask for streams. Ends when STOP-FILE is there, at last after 30 seconds. Prints
{"good": N, "by": {upstream: N}, "bad": [what was wrong, …]}.
"""

import collections
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

LONGEST_S = 30


def wrong(answer, body, streams):
    """What is wrong with an answer, or nothing."""
    if answer.status != 200:
        return f"{answer.status}: {body[:200]!r}"
    if streams and (not body.endswith(b"data: [DONE]\n\n") or b'"error"' in body):
        return f"not a whole stream: {body[-200:]!r}"
    if not streams and "choices" not in json.loads(body):
        return f"not an answer: {body[:200]!r}"
    return None


class Client(threading.Thread):
    def __init__(self, base, number, stop):
        super().__init__(daemon=True)
        self.url, self.stop, self.streams = urllib.parse.urlsplit(base), stop, number % 2 == 1
        self.by, self.bad = collections.Counter(), []
        message = {"model": "gpt-4o", "stream": self.streams,
                   "messages": [{"role": "user", "content": "hello"}]}
        self.body = json.dumps(message)

    def ask(self, connection):
        connection.request("POST", self.url.path + "/v1/chat/completions", self.body,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        fault = wrong(answer, body, self.streams)
        if fault:
            self.bad.append(fault)
        else:
            self.by[answer.getheader("X-Postern-Upstream")] += 1

    def run(self):
        connection = http.client.HTTPConnection(self.url.netloc, timeout=60)
        deadline = time.monotonic() + LONGEST_S
        while not os.path.exists(self.stop) and time.monotonic() < deadline:
            try:
                self.ask(connection)
            except (OSError, ValueError, http.client.HTTPException) as why:
                self.bad.append(repr(why))
                connection.close()


def main():
    base, count, stop = sys.argv[1:]
    clients = [Client(base, number, stop) for number in range(int(count))]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    by = sum((client.by for client in clients), collections.Counter())
    print(json.dumps({"good": sum(by.values()), "by": by,
                      "bad": [fault for client in clients for fault in client.bad][:20]}))


if __name__ == "__main__":
    main()
