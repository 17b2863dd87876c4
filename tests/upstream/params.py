#!/usr/bin/env python3
"""In the place of postern.fcgi: answers the parameters that the web server passed, one a line, as
they came and in their order. As a CGI program, as a FastCGI responder on descriptor 0, or with
--listen unix:PATH on a socket of its own."""

import os
import socket
import struct
import sys
import threading

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def answer(pairs):
    """Bytes of a CGI answer."""
    lines = b"".join(name + b"=" + value + b"\n" for name, value in pairs)
    return b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n" + lines


def read_exactly(sock, count):
    got = b""
    while len(got) < count:
        part = sock.recv(count - len(got))
        if not part:
            raise EOFError
        got += part
    return got


def take_length(text):
    if text[0] < 128:
        return text[0], text[1:]
    return struct.unpack(">I", text[:4])[0] & 0x7FFFFFFF, text[4:]


def pairs_of(text):
    while text:
        name_length, text = take_length(text)
        value_length, text = take_length(text)
        end = name_length + value_length
        yield text[:name_length], text[name_length:end]
        text = text[end:]


def serve(sock):
    params = b""
    try:
        while True:
            _, kind, request, length, padding, _ = struct.unpack(">BBHHBB", read_exactly(sock, 8))
            content = read_exactly(sock, length + padding)[:length]
            if kind == PARAMS:
                params += content
            elif kind == STDIN and not content:
                break
        out = answer(pairs_of(params))
        records = ((STDOUT, out), (STDOUT, b""), (END, bytes(8)))
        sock.sendall(b"".join(struct.pack(">BBHHBB", 1, kind, request, len(content), 0, 0) + content
                              for kind, content in records))
    except (EOFError, OSError):
        pass
    sock.close()


def main():
    if len(sys.argv) > 2:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[2].removeprefix("unix:"))
        listener.listen(64)
    elif "GATEWAY_INTERFACE" in os.environ:
        # The environment's own doubles are lost in os.environ.
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
        sys.stdout.buffer.write(answer(entry.split(b"=", 1) for entry in entries if b"=" in entry))
        return
    else:
        listener = socket.socket(fileno=0)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


main()
