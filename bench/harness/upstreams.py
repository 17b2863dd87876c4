"""The upstreams of the bench: nginx for JSON, the streamer for streams and for large bodies."""

import json
import shutil
import subprocess
import urllib.request

from ground import PROGRAMS, Failed, free_port, wait_until

ANSWER_BYTES = 1024


def answer(size=ANSWER_BYTES):
    """An answer of chat/completions, exactly that long."""
    shape = {"id": "chatcmpl-bench", "object": "chat.completion", "created": 0, "model": "gpt-4o",
             "choices": [{"index": 0, "finish_reason": "stop",
                          "message": {"role": "assistant", "content": ""}}],
             "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}
    shape["choices"][0]["message"]["content"] = "x" * (size - len(json.dumps(shape)))
    return json.dumps(shape)


def question(size, **members):
    """A request of chat/completions, at least that long; what the streamer reads stands first."""
    shape = {"model": "gpt-4o", **members, "messages": [{"role": "user", "content": ""}]}
    text = json.dumps(shape, separators=(",", ":"))
    shape["messages"][0]["content"] = "x" * max(0, size - len(text))
    return json.dumps(shape, separators=(",", ":"))


def is_listening(port):
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_certificate(ground):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", ground.directory / "upstream.key", "-out", ground.directory / "upstream.crt"],
        check=True, capture_output=True)


def trust(upstream_ground, ground):
    """The file of authorities for a system that asks that upstream. It holds one: like the system's
    directory, where one is looked up by its name, and unlike a bundle of all."""
    own = (upstream_ground.directory / "upstream.crt").read_text()
    return ground.write("authority.crt", own, 0o644)


class JsonUpstream:
    """nginx. `port` speaks HTTP; `tls` are the ports of the three ways to speak TLS, `tls_streams`
    is the one where TLS stands before a streamer."""

    WAYS = ("warm", "resumed", "full")

    def __init__(self, ground, streamer_port=9):
        if not shutil.which("nginx"):
            raise Failed("nginx is not installed")
        self.ground = ground
        self.port, self.status, self.tls_streams = free_port(), free_port(), free_port()
        self.tls = {way: free_port() for way in self.WAYS}
        make_certificate(ground)
        conf = ground.render(
            "upstream.conf", PORT=self.port, STATUS=self.status, ANSWER=answer(),
            TLS_STREAMS=self.tls_streams, STREAMER=streamer_port,
            **{f"TLS_{way.upper()}": port for way, port in self.tls.items()})
        ground.spawn("upstream", ["nginx", "-p", ground.directory,
                                  "-e", ground.directory / "upstream-start.log", "-c", conf])
        wait_until("the JSON upstream", lambda: is_listening(self.port))

    def accepted(self):
        """How many connections it has taken so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/") as page:
            return int(page.read().decode().splitlines()[2].split()[0])

    def resumed(self, way):
        """(handshakes' requests that were resumed, all) since the log was last cleared."""
        log = self.ground.directory / f"tls-{way}.log"
        lines = log.read_text().splitlines()
        return sum(line == "r" for line in lines), len(lines)

    def clear_log(self, way):
        (self.ground.directory / f"tls-{way}.log").write_text("")


class Streamer:
    def __init__(self, ground):
        self.port = free_port()
        ground.spawn("streamer", [PROGRAMS / "streamer", self.port])
        wait_until("the streamer", lambda: is_listening(self.port))
