"""Where cases run: here, in Node, in Chromium. Each boots once and runs one case after another.

with node(tmp_path) as backend:
    backend.run(peer_cases, "text", "ws://127.0.0.1:1234")
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Protocol

import gdpeer
from gdpeer import OK, WebSocketServer, http
from tests.backends.lab import Lab
from tests.support.chromium import chromium
from tests.support.missing import ROOT
from tests.support.node import node_command, node_environment, node_modules
from tests.support.processes import Process

HERE = Path(__file__).parent
CASES = (
    "tests/__init__.py",
    "tests/support/__init__.py",
    "tests/support/mp_nodes.py",
    "tests/backends/*.py",
    "tools/__init__.py",
    "tools/programs.py",
    "docs/browser.md",
)


class Backend(Protocol):
    def run(self, module: ModuleType, name: str, base: str) -> None:
        """Run a case to its end; AssertionError with its traceback where it fails."""


class Native:
    def run(self, module: ModuleType, name: str, base: str) -> None:
        asyncio.run(getattr(module, name)(Lab(base)))


class Node:
    def __init__(self, process: Process) -> None:
        self._process = process

    def run(self, module: ModuleType, name: str, base: str) -> None:
        self._process.say(json.dumps([module.__name__, name, base]))
        check(json.loads(self._process.wait_for(r'^".*"$', timeout=60)[0]))


WITHOUT_ASKING = "WebSocket connection to 'ws://127.0.0.1:"
"""How Chromium itself begins in the console when a WebSocket does not open; nobody can keep it from that."""

WARNINGS = {
    "a_wrong_url": "cannot connect: ",
    "closing_here_with_a_code_that_pages_lack": "a page can close with 1000 and 3000-4999",
    "one_message_larger_than_the_room": "peer 1: a message of 1001 bytes was not sent: outbound_buffer_size is 1000",
    "what_pages_lack": "cannot connect: upgrade: a page cannot",
}
"""The cases that gdpeer warns of in the console, unasked, and how these lines begin."""


class Page:
    def __init__(self, page: object, server: Process, complaints: list[str]) -> None:
        self._page = page
        self._server = server
        self._complaints = complaints

    def run(self, module: ModuleType, name: str, base: str) -> None:
        self._complaints.clear()
        check(self._page.evaluate("words => window.run(...words)", [module.__name__, name, base]))  # type: ignore[attr-defined]
        said = [text for text in self._complaints if not text.startswith(WITHOUT_ASKING)]
        warning = WARNINGS.get(name)
        if warning is None and said:
            raise AssertionError(f"the page said: {said}")
        if warning is not None and not (said and all(text.startswith(warning) for text in said)):
            raise AssertionError(f"the page said {said} instead of {warning!r}")


def check(outcome: str) -> None:
    if outcome:
        raise AssertionError(f"in the page:\n{outcome}")


@contextmanager
def native(folder: Path) -> Iterator[Backend]:
    yield Native()


@contextmanager
def node(folder: Path) -> Iterator[Backend]:
    command = node_command(HERE / "node.mjs", *map(str, archives(folder)))
    with Process(command, environment=node_environment()) as process:
        process.wait_for('^"ready"$', timeout=60)
        yield Node(process)


@contextmanager
def page(folder: Path) -> Iterator[Backend]:
    archives(folder)
    for name in ("page.html", "page.mjs"):
        shutil.copy(HERE / name, folder)
    shutil.copytree(node_modules() / "pyodide", folder / "pyodide")
    complaints: list[str] = []
    with Process([sys.executable, "-m", "tests.backends.runners", str(folder)]) as server, chromium() as browser:
        address = server.wait_for("^http:.*$")[0]
        tab = browser.new_page()
        tab.set_default_timeout(60_000)
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(f"{address}/page.html")
        tab.wait_for_function("document.title === 'ready'")
        assert complaints == []
        yield Page(tab, server, complaints)


BACKENDS = {"native": native, "node": node, "chromium": page}


def archives(folder: Path) -> list[Path]:
    """gdpeer as a page loads it, and the cases."""
    package = Path(gdpeer.__file__).parent
    return [
        pack(folder / "gdpeer.zip", package.parent, sorted(package.rglob("*.py"))),
        pack(folder / "cases.zip", ROOT, [file for pattern in CASES for file in sorted(ROOT.glob(pattern))]),
    ]


def pack(archive: Path, root: Path, files: Sequence[Path]) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.relative_to(root))
    return archive


def serve(folder: str) -> None:
    """The page's own server, in a process of its own: the driver of the browser holds this one up."""
    server = WebSocketServer()
    server.bind_ip, server.http_handler = "127.0.0.1", http.StaticFolder(folder)
    if server.listen(0) != OK:
        raise SystemExit(server.get_listen_error())
    print(f"http://127.0.0.1:{server.get_local_port()}", flush=True)
    while True:
        server.poll(timeout=1.0)


if __name__ == "__main__":
    serve(sys.argv[1])
