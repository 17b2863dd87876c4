"""A web server of a few lines: one FastCGI request on a connection, the answer read to its end."""

import socket
import struct

from systems import API, CLIENT_KEY

BEGIN, PARAMS, STDIN = 1, 4, 5


def _record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def _pair(name, value):
    lengths = b"".join(struct.pack("!B", len(text)) if len(text) < 128 else
                       struct.pack("!I", len(text) | 0x80000000) for text in (name, value))
    return lengths + name + value


def request(body):
    """All bytes of a request as lighttpd would send it for OpenAI's client, API at the root."""
    params = {
        "CONTENT_LENGTH": str(len(body)), "QUERY_STRING": "", "REQUEST_URI": "/ai" + API,
        "SCRIPT_NAME": "/ai", "PATH_INFO": API, "DOCUMENT_ROOT": "/var/www",
        "REQUEST_METHOD": "POST", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "lighttpd/1.4",
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_SCHEME": "http", "SERVER_PORT": "80",
        "SERVER_NAME": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000",
        "CONTENT_TYPE": "application/json", "HTTP_HOST": "127.0.0.1",
        "HTTP_CONTENT_LENGTH": str(len(body)), "HTTP_AUTHORIZATION": f"Bearer {CLIENT_KEY}",
        "HTTP_ACCEPT": "application/json", "HTTP_USER_AGENT": "OpenAI/Python 1.50.0"}
    pairs = b"".join(_pair(name.encode(), value.encode()) for name, value in params.items())
    return (_record(BEGIN, struct.pack("!HB5x", 1, 0)) + _record(PARAMS, pairs) +
            _record(PARAMS, b"") + _record(STDIN, body) + _record(STDIN, b""))


def ask(path, message):
    """The answer's bytes, records and all; empty when nobody listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        try:
            connection.connect(str(path))
            connection.sendall(message)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        except OSError:
            return b""
        return b"".join(parts)
