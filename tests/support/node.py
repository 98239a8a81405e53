"""Node with the `ws` package, as another independent peer, and with Pyodide.

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
PACKAGES = {"ws": "ws@8", "pyodide": "pyodide@314"}


def node_modules() -> Path:
    """The node_modules folder with all packages, installed on first use; ends the test where that cannot be."""
    problem = "" if is_installed() else install()
    if problem:
        missing("packages of Node", problem)
    return FOLDER / "node_modules"


def is_installed() -> bool:
    """Whether all packages are there."""
    return all((FOLDER / "node_modules" / name / "package.json").exists() for name in PACKAGES)


@cache
def install() -> str:
    """Installs them with npm, tried once a process; returns what went wrong, or an empty text."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"{program} is not installed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", *NPM_OPTIONS, "--prefix", str(FOLDER), *PACKAGES.values()],
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
    """What a script needs in its environment to find `ws`."""
    return {"NODE_PATH": str(node_modules()), "GDPEER_NODE_MODULES": str(node_modules())}


def node_command(script: Path, *arguments: str) -> list[str]:
    """The command line of a script; ends the test where there is no Node."""
    node = shutil.which("node")
    if node is None:
        missing("Node", "node is not installed")
    return [node, str(script), *arguments]


def can_install() -> bool:
    """True where npm is at hand."""
    return shutil.which("npm") is not None and os.access(ROOT, os.W_OK)
