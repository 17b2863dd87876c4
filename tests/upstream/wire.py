"""One connection of a client, byte by byte: reading a request, and misbehaving on purpose."""

import hashlib
import json
import os
import select
import socket
import struct
import threading
import time

HOLD_MAX_S = 60  # nothing waits longer, whatever a test forgot
BODY_KEPT_MAX = 65536


def ready(descriptors, seconds):
    """Those of the descriptors that can be read; poll, because select ends at descriptor 1023."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)]


class Gone(Exception):
    """The other end closed the connection."""


class Done(Exception):
    """We closed the connection: nothing more can be sent or read."""


class Gate:
    """A named barrier. Who arrives waits for a permit; a test hands permits out one by one."""

    def __init__(self):
        self.lock = threading.Condition()
        self.permits = 0
        self.arrived = 0
        self.is_open = False
        self.waiting = []

    def arrive(self):
        """None when there was a permit, else a descriptor that becomes readable with one."""
        with self.lock:
            self.arrived += 1
            self.lock.notify_all()
            if self.is_open:
                return None
            if self.permits:
                self.permits -= 1
                return None
            ticket = os.eventfd(0)
            self.waiting.append(ticket)
            return ticket

    def leave(self, ticket):
        with self.lock:
            if ticket in self.waiting:
                self.waiting.remove(ticket)
        os.close(ticket)

    def release(self, count, for_good=False):
        with self.lock:
            self.is_open = self.is_open or for_good
            count = len(self.waiting) if self.is_open else count
            while count and self.waiting:
                os.eventfd_write(self.waiting.pop(0), 1)
                count -= 1
            self.permits += count


class Ask:
    """A request as it came: nothing decoded, nothing merged."""

    def __init__(self, head):
        lines = head.split(b"\r\n")
        self.method, self.target, self.version = lines[0].decode("latin-1").split(" ", 2)
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            self.headers.append([name.decode("latin-1"), value.strip().decode("latin-1")])
        self.path = self.target.partition("?")[0]
        self.body = b""
        self.length = 0
        self.sha256 = ""
        self.model = "gpt-4o"
        self.wants_stream = False

    def header(self, name):
        for known, value in self.headers:
            if known.lower() == name:
                return value
        return None

    def finish(self, body, length, sha256):
        self.body, self.length, self.sha256 = body, length, sha256
        try:
            value = json.loads(body)
        except ValueError:
            return
        if isinstance(value, dict):
            self.model = str(value.get("model", self.model))
            self.wants_stream = value.get("stream") is True


class Wire:
    def __init__(self, sock, gates):
        self.sock = sock
        self.gates = gates
        self.pending = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # --- reading

    def more(self):
        try:
            got = self.sock.recv(65536)
        except OSError as why:
            raise Gone from why
        if not got:
            raise Gone
        self.pending += got

    def take(self, count):
        while len(self.pending) < count:
            self.more()
        bytes_, self.pending = self.pending[:count], self.pending[count:]
        return bytes_

    def take_until(self, mark):
        while mark not in self.pending:
            self.more()
        bytes_, self.pending = self.pending.split(mark, 1)
        return bytes_

    def read_head(self):
        return Ask(self.take_until(b"\r\n\r\n"))

    def read_body(self, ask):
        digest, kept, length = hashlib.sha256(), b"", 0
        for piece in self.body_pieces(ask):
            digest.update(piece)
            length += len(piece)
            kept = (kept + piece)[:BODY_KEPT_MAX] if len(kept) < BODY_KEPT_MAX else kept
        ask.finish(kept, length, digest.hexdigest())

    def body_pieces(self, ask):
        if (ask.header("expect") or "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in (ask.header("transfer-encoding") or "").lower():
            while size := int(self.take_until(b"\r\n").split(b";")[0], 16):
                yield self.take(size)
                self.take(2)
            self.take_until(b"\r\n")
            return
        left = int(ask.header("content-length") or 0)
        while left:
            piece = self.take(min(left, max(len(self.pending), 1)))
            left -= len(piece)
            yield piece

    # --- answering

    def send(self, bytes_):
        try:
            self.sock.sendall(bytes_)
        except OSError as why:
            raise Gone from why

    def head(self, status=200, headers=(), reason="Whatever"):
        lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join(lines + ["", ""]).encode("latin-1"))

    def whole(self, status, body, kind="application/json", headers=()):
        self.head(status, [("Content-Type", kind), ("Content-Length", len(body)), *headers])
        self.send(body)

    def chunk(self, bytes_):
        self.send(b"%x\r\n%s\r\n" % (len(bytes_), bytes_))

    def last_chunk(self):
        self.send(b"0\r\n\r\n")

    # --- misbehaving

    def close(self):
        raise Done

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Done

    def hold(self):
        """Silent until the other end gives up."""
        deadline = time.monotonic() + HOLD_MAX_S
        while time.monotonic() < deadline:
            if ready([self.sock.fileno()], HOLD_MAX_S):
                self.more()
        raise Done

    def pause(self, seconds):
        """Time passes, but the other end's leaving is noticed at once."""
        if ready([self.sock.fileno()], seconds):
            self.more()

    def gate(self, name):
        if name is None:
            return
        gate = self.gates(name)
        ticket = gate.arrive()
        if ticket is None:
            return
        try:
            woken = ready([self.sock.fileno(), ticket], HOLD_MAX_S)
        finally:
            gate.leave(ticket)
        if ticket not in woken:
            self.more()
            raise Done
