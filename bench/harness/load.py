"""The two clients: wrk for requests in a row, streamload for connections at once."""

import json
import os
import subprocess

from ground import PROGRAMS, TREE, Failed


def wrk(system, body_file, connections, seconds):
    """One run of wrk, as a dictionary."""
    environment = {**os.environ, "BENCH_BODY": str(body_file),
                   "BENCH_HEADERS": "\n".join(f"{k}: {v}" for k, v in system.headers.items())}
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s",
         "-s", str(TREE / "bench" / "post.lua"), f"http://127.0.0.1:{system.port}{system.path}"],
        capture_output=True, text=True, env=environment, timeout=seconds + 60)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise Failed(f"wrk: {done.stdout} {done.stderr}")
    result = json.loads(lines[-1])
    result["per_s"] = round(result["requests"] / result["seconds"], 1)
    return result


class StreamLoad:
    """One run of streamload; goes on while other things are looked at."""

    def __init__(self, system, body, count, tokens=0, ramp_ms=0, limit_ms=60000):
        argv = [PROGRAMS / "streamload", "--port", system.port, "--path", system.path,
                "--count", count, "--tokens", tokens, "--ramp", ramp_ms, "--limit", limit_ms]
        for name, value in system.headers.items():
            argv += ["--header", f"{name}: {value}"]
        self.popen = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.popen.stdin.write(body)
        self.popen.stdin.close()

    def result(self):
        text = self.popen.stdout.read()
        self.popen.wait()
        if not text:
            raise Failed("streamload said nothing")
        return json.loads(text)
