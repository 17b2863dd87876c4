"""What is measured: one row a system, and how each is started in front of an upstream."""

import http.client
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable

from ground import POSTERN, PROGRAMS, TREE, Failed, free_port, wait_until
from upstreams import is_listening, question

CLIENT_KEY = "bench-client-key-0123456789"
API = "/v1/chat/completions"
SMALL_QUESTION = question(0, max_tokens=1)


@dataclass
class System:
    """A running one."""
    port: int
    path: str
    headers: dict
    roots: list = field(default_factory=list)  # the processes whose cost is its cost


@dataclass
class Row:
    name: str
    label: str
    start: Callable  # (ground, upstream's URL, settings) -> System
    program: str = ""  # the one that is compared with others of its kind
    streams_max: int = 100000
    is_gateway: bool = False


def _system(port, *processes, mount="", headers=None):
    roots = [process.pid for process in processes]
    return System(port, mount + API, {"Authorization": f"Bearer {CLIENT_KEY}", **(headers or {})},
                  roots)


def _host_port(url):
    scheme, _, place = url.partition("://")
    return scheme, place


# --- nothing, and plain proxies -------------------------------------------------------------------


def start_direct(_ground, url, _settings):
    return _system(int(_host_port(url)[1].split(":")[1]))


def start_nginx_proxy(ground, url, _settings):
    scheme, place = _host_port(url)
    port = free_port()
    conf = ground.render("nginx-proxy.conf", PORT=port, UPSTREAM=place, SCHEME=scheme,
                         VERIFY="on" if scheme == "https" else "off")
    return _system(port, ground.spawn("proxy", ["nginx", "-p", ground.directory, "-c", conf, "-e",
                                                ground.directory / "proxy-start.log"]))


def start_haproxy(ground, url, _settings):
    port = free_port()
    conf = ground.render("haproxy.cfg", PORT=port, UPSTREAM=_host_port(url)[1])
    return _system(port, ground.spawn("haproxy", ["haproxy", "-db", "-f", conf]))


def start_lighttpd_proxy(ground, url, _settings):
    host, _, upstream_port = _host_port(url)[1].partition(":")
    port = free_port()
    conf = ground.render("lighttpd-proxy.conf", PORT=port, UPSTREAM_HOST=host,
                         UPSTREAM_PORT=upstream_port)
    return _system(port, ground.spawn("lighttpd", ["lighttpd", "-D", "-f", conf]))


# --- postern, and the bare relay in its place -----------------------------------------------------


def write_env(ground, url, settings):
    lines = {"PRIMARY_OPENAI_HOST": url, "PRIMARY_OPENAI_API_KEY": "bench-primary-key-0123456789",
             "FALLBACK_OPENAI_HOST": url, "FALLBACK_OPENAI_API_KEY": "bench-fallback-key-0123456",
             "POSTERN_CLIENT_KEY": CLIENT_KEY, "POSTERN_THREADS": "1200", "POSTERN_MOUNT": "/ai",
             "POSTERN_STATE": ground.directory / "breakers", **settings}
    return ground.write("env", "".join(f"{name}={value}\n" for name, value in lines.items()))


def _adapt(text, **settings):
    """A shipped file with other numbers in it: {the name's end: number}."""
    for name, number in settings.items():
        pattern = rf'({name.replace("_", "-")}"?\s*=>?\s*)\d+'
        text, times = re.subn(pattern, rf"\g<1>{number}", text)
        if times == 0:
            raise Failed(f"{name} is not in the shipped file")
    return text


def _lighttpd(ground, program, env_file, conf="lighttpd.conf", extra=None, **settings):
    """lighttpd with the shipped file, around `program`. More descriptors than shipped: it hands its
    limit on, and a thousand streams of one process need more."""
    port = free_port()
    site = ground.directory / "site"
    site.mkdir()
    text = _adapt((TREE / conf).read_text(), max_fds=16384, **settings)
    file = ground.write("lighttpd.conf", text)
    environment = {**os.environ, "SERVE_PORT": str(port), "SERVE_PROGRAM": str(program),
                   "SERVE_ENV": str(env_file), "SERVE_RUN": str(ground.directory),
                   "SERVE_SITE": str(site), **(extra or {})}
    process = ground.spawn("lighttpd", ["lighttpd", "-D", "-f", file], env=environment)
    return _system(port, process, mount="/ai")


def start_naive(ground, url, _settings):
    return _lighttpd(ground, PROGRAMS / "naive", "/dev/null",
                     extra={"NAIVE_UPSTREAM": url + API, "NAIVE_THREADS": "32",
                            "NAIVE_CA_FILE": str(ground.directory / "authority.crt")})


def start_postern_lighttpd(ground, url, settings):
    processes = settings.pop("processes", 1)
    program = _with_own_state(ground) if settings.pop("own_states", False) else POSTERN
    return _lighttpd(ground, program, write_env(ground, url, settings), max_procs=processes)


def _with_own_state(ground):
    """postern, each process of it with a state file of its own."""
    return ground.write("postern-alone", "#!/bin/sh\n"
                        f"POSTERN_STATE={ground.directory}/breakers.$$ exec {POSTERN}\n", 0o755)


def start_postern_cgi(ground, url, settings):
    return _lighttpd(ground, POSTERN, write_env(ground, url, settings), "doc/lighttpd-cgi.conf")


def _postern_alone(ground, url, settings):
    """With a socket of its own, for servers that start nothing."""
    env = {**os.environ, "POSTERN_ENV_FILE": str(write_env(ground, url, settings))}
    socket = ground.directory / "postern.socket"
    process = ground.spawn("postern", [POSTERN, "--listen", f"unix:{socket},mode=0666"], env=env)
    wait_until("postern's socket", socket.exists)
    return process


def start_postern_nginx(ground, url, settings):
    postern = _postern_alone(ground, url, settings)
    port = free_port()
    conf = ground.render("nginx-postern.conf", PORT=port)
    nginx = ground.spawn("nginx", ["nginx", "-p", ground.directory, "-c", conf, "-e",
                                   ground.directory / "nginx-start.log"])
    return _system(port, postern, nginx, mount="/ai")


def start_postern_apache(ground, url, settings):
    postern = _postern_alone(ground, url, settings)
    port = free_port()
    site = ground.directory / "site"
    site.mkdir()
    defines = {"PORT": port, "RUN": ground.directory, "SITE": site,
               "RUNAS": "www-data" if os.geteuid() == 0 else f"#{os.geteuid()}"}
    argv = ["apache2", "-d", ground.directory, "-f", TREE / "apache.conf", "-D", "FOREGROUND"]
    for name, value in defines.items():
        argv += ["-C", f"Define {name} {value}"]
    return _system(port, postern, ground.spawn("apache", argv), mount="/ai")


# --- other gateways -------------------------------------------------------------------------------


def start_portkey(ground, url, _settings):
    home = PROGRAMS / "portkey"
    server = home / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not server.exists():
        raise Failed("Portkey is not installed")
    port = free_port()
    process = ground.spawn("portkey", ["node", "--require", TREE / "bench/portkey/loopback.cjs",
                                       server, f"--port={port}", "--headless"],
                           env={**os.environ, "NODE_ENV": "production"})
    return _system(port, process, headers={"x-portkey-provider": "openai",
                                           "x-portkey-custom-host": url + "/v1"})


def start_litellm(ground, url, _settings):
    program = PROGRAMS / "litellm" / "bin" / "litellm"
    if not program.exists():
        raise Failed("LiteLLM is not installed")
    port = free_port()
    conf = ground.render("litellm.yaml", UPSTREAM=url, KEY=CLIENT_KEY)
    process = ground.spawn("litellm", [program, "--config", conf, "--host", "127.0.0.1", "--port",
                                       port, "--num_workers", 1],
                           env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                                "LITELLM_LOG": "ERROR", "HOME": str(ground.directory)},
                           cwd=ground.directory)
    return _system(port, process)


ROWS = (
    Row("direct", "no gateway", start_direct),
    Row("nginx", "nginx, proxy", start_nginx_proxy, "nginx"),
    Row("haproxy", "HAProxy", start_haproxy, "haproxy"),
    Row("lighttpd", "lighttpd, mod_proxy", start_lighttpd_proxy, "lighttpd"),
    Row("naive", "lighttpd, the naive relay", start_naive, "naive", streams_max=0),
    Row("postern", "lighttpd, **postern**", start_postern_lighttpd, "postern.fcgi",
        is_gateway=True),
    Row("postern-nginx", "nginx, **postern**", start_postern_nginx, "postern.fcgi",
        is_gateway=True),
    Row("postern-apache", "Apache, **postern**", start_postern_apache, "postern.fcgi",
        is_gateway=True),
    Row("postern-cgi", "lighttpd, **postern** as CGI", start_postern_cgi, "ended", streams_max=1,
        is_gateway=True),
    Row("portkey", "Portkey", start_portkey, "node", is_gateway=True),
    Row("litellm", "LiteLLM", start_litellm, "litellm", streams_max=0, is_gateway=True),
)


def row(name):
    return next(row for row in ROWS if row.name == name)


def rows(*names):
    return [row(name) for name in names]


def has_program(row_to_start):
    """Is what it needs installed?"""
    needs = {"nginx": "nginx", "haproxy": "haproxy", "apache": "apache2", "portkey": "node"}
    return all(shutil.which(command) for name, command in needs.items()
               if name in row_to_start.name)


def ask(system, body=SMALL_QUESTION, timeout_s=5):
    """One request; its status, 0 when there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=timeout_s)
    try:
        connection.request("POST", system.path, body,
                           {"Content-Type": "application/json", **system.headers})
        reply = connection.getresponse()
        reply.read()
        return reply.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def start(row_to_start, ground, url, **settings):
    """Starts it and waits until it answers."""
    if not has_program(row_to_start):
        raise Failed(f"{row_to_start.label}: not installed")
    system = row_to_start.start(ground, url, settings)
    wait_until(f"{row_to_start.label}: listening", lambda: is_listening(system.port))
    wait_until(f"{row_to_start.label}: answering", lambda: ask(system) == 200)
    return system


def version(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "not installed"
    return (done.stdout + done.stderr).strip().splitlines()[0]
