"""Runs the `gdpeer` command in this process, for tests of its arguments, messages and status.

Other tests start the command as a process, which takes a quarter of a second.
"""

from __future__ import annotations

import subprocess
from inspect import signature
from typing import Any

from click.testing import CliRunner

from gdpeer.cli.commands import gdpeer

# Before click 8.2 standard output held both streams unless told otherwise.
OPTIONS: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
RUNNER = CliRunner(**OPTIONS)


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with an empty standard input, and returns its status and output."""
    result = RUNNER.invoke(gdpeer, list(arguments), prog_name="gdpeer")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)
