#!/usr/bin/env python3
"""The scripted hostile upstream: answers as a script says, and remembers what it was asked.

    hostile.py [--name NAME] [--port N] [--control N] [--ready FILE] [--tls CERT KEY]
    hostile.py --demo NAME --port N          a good upstream, without a control port

With --ready the file gets {"port":…,"control":…} once both are open. The control port speaks JSON:

    POST /script          a step or a list of steps for the next requests, one each
    POST /default         the step for requests without a script (at first: {"mode":"ok"})
    POST /reset           forget scripts, records and gates; everyone at a gate goes on
    GET  /requests        what was received: method, target, headers, length, sha256, body …
    GET  /state           counts of connections and requests
    POST /release/GATE    one permit (?n=3 more, ?all open for good)
    GET  /wait/requests/N         until N requests were received
    GET  /wait/connections/N      until N connections were accepted
    GET  /wait/gate/GATE/N        until N arrivals at the gate
    GET  /wait/closed/N           until the other end closed request N's connection

A wait ends with 504 after ten seconds (?s=3). A step is {"mode": name, …}; the modes and what they
read are in good.py, broken.py, framing.py and meaning.py, also under their row of the fault matrix ("U14"). A
request chooses its own mode by the model name "hostile/NAME/MODE" (NAME: the upstream's, or *).
"""

import argparse
import http.server
import json
import socket
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import broken  # noqa: E402,F401  the four fill turn's table
import framing  # noqa: E402,F401
import good  # noqa: E402,F401
import meaning  # noqa: E402,F401
import shapes  # noqa: E402
import turn  # noqa: E402
from wire import Done, Gate, Gone, Wire  # noqa: E402


class Upstream:
    """All that an upstream was told and has seen; shared by its connections' threads."""

    def __init__(self, name):
        self.name = name
        self.changed = threading.Condition()
        self.gates = {}
        self.connections = 0
        self.forget()

    def forget(self):
        with self.changed:
            self.queue, self.default, self.records = [], {"mode": "ok"}, []
            self.connections = 0
            old, self.gates = self.gates, {}
        for gate in old.values():
            gate.release(0, for_good=True)

    def gate(self, name):
        with self.changed:
            return self.gates.setdefault(name, Gate())

    def accepted(self):
        with self.changed:
            self.connections += 1
            self.changed.notify_all()

    def next_step(self, only_when=None):
        """The step for a request, or None when the next one is not of the kind `only_when`."""
        with self.changed:
            step = self.queue[0] if self.queue else self.default
            if only_when and behaviour(step)[0] != only_when:
                return None
            if self.queue:
                self.queue.pop(0)
            return dict(step)

    def record(self, ask, step):
        record = {"method": ask.method, "target": ask.target, "headers": ask.headers,
                  "length": ask.length, "sha256": ask.sha256, "mode": step["mode"],
                  "body": ask.body.decode("utf-8", "replace"), "closed": None}
        with self.changed:
            record["number"] = len(self.records)
            self.records.append(record)
            self.changed.notify_all()
        return record

    def note(self, record, closed):
        with self.changed:
            record["closed"] = closed
            self.changed.notify_all()

    def wait(self, condition, seconds):
        with self.changed:
            return self.changed.wait_for(condition, seconds)


def behaviour(step):
    mode = step["mode"]
    return turn.FAULTS[turn.IDS[mode][0] if mode in turn.IDS else mode]


def chosen_by_model(upstream, ask, step):
    parts = ask.model.split("/", 2)
    if parts[0] == "hostile" and len(parts) == 3 and parts[1] in ("*", upstream.name):
        return {"mode": parts[2]}
    return step


def greet(upstream, wire):
    """A new connection: some faults do not wait for a request."""
    step = upstream.next_step(only_when=turn.ACCEPT)
    if step:
        behaviour(step)[1](turn.Turn(wire, None, step, upstream.name))


def answer(upstream, wire):
    """One request and its answer."""
    ask = wire.read_head()
    step = upstream.next_step()
    if behaviour(step)[0] == turn.BODY:
        wire.read_body(ask)
        step = chosen_by_model(upstream, ask, step)
    record = upstream.record(ask, step)
    try:
        behaviour(step)[1](turn.Turn(wire, ask, step, upstream.name))
    except Gone:
        upstream.note(record, "by peer")
        raise
    except Done:
        upstream.note(record, "by us")
        raise


def converse(upstream, sock):
    upstream.accepted()
    wire = Wire(sock, upstream.gate)
    try:
        greet(upstream, wire)
        while True:
            answer(upstream, wire)
    except (Gone, Done):
        pass
    except ValueError as why:
        print(f"{upstream.name}: not a request: {why}", file=sys.stderr)
    finally:
        sock.close()


def serve(upstream, listener, tls):
    while True:
        sock, _ = listener.accept()

        def run(sock=sock):
            try:
                converse(upstream, tls.wrap_socket(sock, server_side=True) if tls else sock)
            except OSError as why:
                print(f"{upstream.name}: {why}", file=sys.stderr)
                sock.close()

        threading.Thread(target=run, daemon=True).start()


# --- control -----------------------------------------------------------------------------------


def wait_for(upstream, what, rest, seconds):
    if what == "gate":
        gate, count = upstream.gate(rest[0]), int(rest[1])
        with gate.lock:
            return gate.lock.wait_for(lambda: gate.arrived >= count, seconds)
    count = int(rest[0])
    conditions = {
        "requests": lambda: len(upstream.records) >= count,
        "connections": lambda: upstream.connections >= count,
        "closed": lambda: len(upstream.records) > count
        and upstream.records[count]["closed"] == "by peer",
    }
    return upstream.wait(conditions[what], seconds)


def check_steps(steps):
    for step in steps:
        behaviour(step)
    return steps


class Control(http.server.BaseHTTPRequestHandler):
    upstream = None

    def log_message(self, *_):
        pass

    def reply(self, status, value):
        body = shapes.dump(value)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def parts(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        return url.path.strip("/").split("/"), query

    def do_GET(self):
        (what, *rest), query = self.parts()
        upstream = self.upstream
        if what == "requests":
            return self.reply(200, upstream.records)
        if what == "state":
            return self.reply(200, {"name": upstream.name, "connections": upstream.connections,
                                    "requests": len(upstream.records),
                                    "scripted": len(upstream.queue)})
        if what == "wait":
            good = wait_for(upstream, rest[0], rest[1:], float(query.get("s", 10)))
            return self.reply(200 if good else 504, {"happened": good})
        return self.reply(404, {})

    def do_POST(self):
        (what, *rest), query = self.parts()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = self.upstream
        try:
            if what == "script":
                steps = json.loads(body)
                steps = check_steps(steps if isinstance(steps, list) else [steps])
                with upstream.changed:
                    upstream.queue += steps
            elif what == "default":
                with upstream.changed:
                    upstream.default = check_steps([json.loads(body)])[0]
            elif what == "reset":
                upstream.forget()
            elif what == "release":
                upstream.gate(rest[0]).release(int(query.get("n", 1)), "all" in query)
            else:
                return self.reply(404, {})
        except (KeyError, ValueError) as why:
            return self.reply(400, {"why": f"{type(why).__name__}: {why}"})
        return self.reply(200, {})


class ControlServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


# --- the program -------------------------------------------------------------------------------


def listen(port, backlog=1024):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(backlog)
    return listener


def blackhole(port):
    """A port whose backlog is full: a connect gets no answer at all."""
    listener = listen(port, 0)
    crowd = []
    for _ in range(4):
        guest = socket.socket()
        guest.setblocking(False)
        guest.connect_ex(listener.getsockname())
        crowd.append(guest)
    return listener, crowd


def tls_context(certificate, key, old):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(certificate, key)
    return context


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="upstream")
    parser.add_argument("--demo", metavar="NAME", help="a good upstream that goes by this name")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    parser.add_argument("--ready", metavar="FILE")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--tls-old", action="store_true", help="TLS 1.0 alone")
    parser.add_argument("--blackhole", action="store_true", help="a port that never answers")
    return parser.parse_args()


def tell_ready(path, ports):
    text = json.dumps(ports)
    if path:
        with open(path, "w", encoding="ascii") as ready:
            ready.write(text + "\n")
    else:
        print(text, flush=True)


def main():
    options = arguments()
    threading.stack_size(256 * 1024)
    upstream = Upstream(options.demo or options.name)
    if options.demo:
        upstream.default = {"mode": "ok", "pause": 0.1}
    ports = {}
    if not options.demo:
        Control.upstream = upstream
        control = ControlServer(("127.0.0.1", options.control), Control)
        threading.Thread(target=control.serve_forever, daemon=True).start()
        ports["control"] = control.server_port
    if options.blackhole:
        listener, _crowd = blackhole(options.port)
    else:
        listener = listen(options.port)
    ports["port"] = listener.getsockname()[1]
    tell_ready(options.ready, ports)
    if options.blackhole:
        while True:
            time.sleep(3600)
    serve(upstream, listener, options.tls and tls_context(*options.tls, options.tls_old))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
