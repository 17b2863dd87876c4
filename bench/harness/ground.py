"""The ground a measurement stands on: a directory, ports, and processes that are sure to end."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = (TREE / os.environ.get("BUILD", "build")).resolve()
PROGRAMS = BUILD / "bench"
POSTERN = BUILD / "src" / "postern.fcgi"
PATIENCE_S = 20


class Failed(Exception):
    """What was to be measured did not start, or did not answer."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, is_so, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {patience_s} s")
        time.sleep(0.02)


class Process:
    """A process and all that it starts, in a group of their own."""

    def __init__(self, argv, log, **options):
        with open(log, "ab") as sink:
            self.popen = subprocess.Popen(
                [str(word) for word in argv], stdout=sink, stderr=sink, start_new_session=True,
                **{"stdin": subprocess.DEVNULL, **options})
        self.pid = self.popen.pid
        self.log = log

    def has_ended(self):
        return self.popen.poll() is not None

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                break
            try:
                self.popen.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
        self.popen.wait()


class Ground:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="postern-bench."))
        self.directory.chmod(0o755)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def spawn(self, name, argv, **options):
        process = Process(argv, self.directory / f"{name}.log", **options)
        self.processes.append(process)
        return process

    def write(self, name, text, mode=0o600):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def render(self, name, **values):
        """A file of bench/conf with its @NAMES@ filled in."""
        text = (TREE / "bench" / "conf" / name).read_text()
        values.update(RUN=self.directory, TREE=TREE, USER=user_name())
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        return self.write(name, text, 0o644)


def user_name():
    """Whose workers a server that was started by root should have: our own, for our files."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
