"""The servers and clients to compare, and their preparation: compiled, or installed in pinned versions."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.missing import ROOT

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("WSBENCH_CACHE") or ROOT / ".cache" / "wsbench")
PROGRAMS = CACHE / "bin"
"""The folder of the compiled programs."""


class Peer(NamedTuple):
    """How a server or client is started.

    Attributes:
        command: the command line; {py} is the interpreter of its environment, {bin} the folder `PROGRAMS`.
        group: name of the requirements of its environment; empty if it needs none.
        folder: the working folder; None for that of the caller.
    """

    command: str
    group: str = ""
    folder: Path | None = None


def _server(group: str, command: str) -> Peer:
    return Peer(f"{command} --port {{port}}", group, HERE / "servers")


def _client(group: str, command: str) -> Peer:
    return Peer(f"{{py}} {command} --port {{port}} --size {{size}} --seconds {{seconds}}", group, HERE / "clients")


def _granian(interface: str) -> Peer:
    options = f"--interface {interface} --loop uvloop --no-log --workers 1 --runtime-mode st --backlog 4096"
    command = f"{{py}} -m granian {options} --host 127.0.0.1 --port {{port}} {interface}_app:app"
    return Peer(command, "granian", HERE / "servers")


SERVERS = {
    "rawecho": _server("", "{bin}/rawecho"),
    "cwsecho": _server("", "{bin}/cwsecho"),
    "websockets": _server("websockets", "{py} websockets_server.py"),
    "websockets-asyncio": _server("websockets", "{py} websockets_server.py --loop asyncio"),
    "websockets-threads": _server("websockets", "{py} websockets_sync_server.py"),
    "websockets-sansio": _server("websockets", "{py} websockets_sansio_server.py"),
    "wsproto": _server("wsproto", "{py} wsproto_server.py"),
    "picows": _server("picows", "{py} picows_server.py"),
    "picows-asyncio": _server("picows", "{py} picows_server.py --loop asyncio"),
    "picows-messages": _server("picows", "{py} picows_messages_server.py"),
    "aiohttp": _server("aiohttp", "{py} aiohttp_server.py"),
    "tornado": _server("tornado", "{py} tornado_server.py"),
    "uvicorn-websockets": _server("uvicorn", "{py} uvicorn_server.py --ws websockets-sansio"),
    "uvicorn-wsproto": _server("uvicorn", "{py} uvicorn_server.py --ws wsproto"),
    "socketify": _server("socketify", "{py} socketify_server.py"),
    "granian-asgi": _granian("asgi"),
    "granian-rsgi": _granian("rsgi"),
    "node-ws": _server("node", "node ws_server.mjs"),
}
CLIENTS = {
    "c-floor": Peer(
        "{bin}/wsload echo --spin --binary -c 1 -w 1 --warmup 0.2 -s {size} -t {seconds} --port {port}",
        folder=HERE / "clients",
    ),
    "websockets-threads": _client("websockets", "websockets_sync_client.py"),
    "websockets": _client("websockets", "websockets_asyncio_client.py"),
    "websockets-sansio": _client("websockets", "websockets_sansio_client.py"),
    "picows": _client("picows", "picows_client.py"),
    "picows-asyncio": _client("picows", "picows_client.py --loop asyncio"),
    "picows-messages": _client("picows", "picows_messages_client.py"),
    "aiohttp": _client("aiohttp", "aiohttp_client.py"),
    "websocket-client": _client("websocket-client", "websocket_client_client.py"),
    "wsproto": _client("wsproto", "wsproto_client.py"),
}
QUICK = ("cwsecho", "websockets", "picows", "aiohttp", "socketify")
"""The servers of `--quick`."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def build(name: str) -> Path:
    """Compiles a C program if its source has changed, and returns its path."""
    source = HERE / "csrc" / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes() + (HERE / "csrc" / "wsmini.h").read_bytes()).hexdigest()
    program, stamp = PROGRAMS / name, PROGRAMS / f"{name}.sha256"
    if not (program.exists() and stamp.exists() and stamp.read_text() == digest):
        PROGRAMS.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(".new")
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", fresh, source], check=True, timeout=120)
        fresh.replace(program)
        stamp.write_text(digest)
    return program


def build_all() -> None:
    for name in ("wsload", "rawecho", "cwsecho"):
        build(name)


@cache
def environment(group: str) -> str | None:
    """Installs the environment of a group on first use, and returns its interpreter, or its folder for Node.

    If the installation fails, prints the reason and returns None.
    """
    source = HERE / "requirements" / ("package.json" if group == "node" else f"{group}.txt")
    digest = hashlib.sha256(source.read_bytes() + sys.version.encode()).hexdigest()[:10]
    folder = CACHE / f"{group}-{digest}"
    if not (folder / ".done").exists():
        say(f"preparing {group} ...")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            _install(group, source, folder)
        except (OSError, subprocess.SubprocessError) as error:
            detail = (getattr(error, "stderr", None) or b"").decode(errors="replace")
            say(f"skipping {group}: {error} {detail[-300:]}")
            return None
        (folder / ".done").touch()
    return str(folder if group == "node" else folder / "bin" / "python")


def _install(group: str, source: Path, folder: Path) -> None:
    if group == "node":
        shutil.copy(source, folder)
        _call(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        return
    _call([sys.executable, "-m", "venv", str(folder)], folder)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _call([*pip, "-r", str(source)], folder)


def _call(command: list[str], folder: Path) -> None:
    pipe = subprocess.PIPE
    subprocess.run(command, cwd=folder, check=True, timeout=600, stdout=subprocess.DEVNULL, stderr=pipe)
