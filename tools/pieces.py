"""Installs the programs from outside that tests need: engines, conformance suite, Node packages, Chromium, Pythons,
Redis, NATS.

Each piece is tried once. Its outcome is "" if it is installed, else the reason why it cannot be installed here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from tests.conformance import suite
from tests.support import chromium, node
from tests.support.missing import ROOT
from tools import godot, servers

_apt = threading.Lock()


def last_line(text: str, otherwise: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else otherwise


def attempt(command: list[str], **environment: str) -> str:
    """Runs a command; returns "" if it succeeded, else its last line of output."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(os.environ, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    return last_line(done.stderr, f"{command[0]} ended with {done.returncode}") if done.returncode else ""


def engines() -> str:
    try:
        for major in godot.ENGINES:
            godot.version(major)
    except godot.Failed as error:
        return str(error)
    return ""


def autobahn() -> str:
    try:
        suite.install()
    except suite.CannotRun as error:
        return str(error)
    return ""


def apt_install(*packages: str) -> str:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "not installed, and only root on Debian can install it here"
    with _apt:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        return attempt(["apt-get", "update", "-qq"], **quiet) or attempt(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], **quiet
        )


def browser() -> str:
    return "" if chromium.find_chromium() else apt_install("chromium")


def node_packages() -> str:
    if node.is_installed():
        return ""
    if not (shutil.which("node") and shutil.which("npm")):
        problem = apt_install("nodejs", "npm")
        if problem:
            return problem
    return node.install()


def brokers() -> str:
    try:
        for name in servers.PROGRAMS:
            servers.command(name)
    except servers.Failed as error:
        return str(error)
    return ""


PIECES: dict[str, Callable[[], str]] = {
    "Godot 4 and 3": engines,
    "the conformance suite": autobahn,
    "Chromium": browser,
    "packages of Node": node_packages,
    "Redis and NATS": brokers,
}


class Pieces:
    """Fetches the named pieces in the background; call `problem(name)` once `ready(name)` is true."""

    def __init__(self, names: set[str]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=5)
        self._outcomes: dict[str, Future[str]] = {name: self._pool.submit(PIECES[name]) for name in sorted(names)}

    def ready(self, name: str) -> bool:
        return self._outcomes[name].done()

    def problem(self, name: str) -> str:
        """Returns why a piece is missing; "" if it is installed."""
        error = self._outcomes[name].exception()
        return str(error) if error else self._outcomes[name].result()

    def problems(self) -> dict[str, str]:
        found = {name: self.problem(name) for name, outcome in self._outcomes.items() if outcome.done()}
        return {name: why for name, why in found.items() if why}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
