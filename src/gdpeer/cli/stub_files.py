"""The files that `gdpeer contract python` and `gdpeer contract gdscript` write.

Layer: `cli`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from gdpeer.cli.contract import LONG, Reading, github_line
from gdpeer.cli.failure import Failure
from gdpeer.cli.options import quoted
from gdpeer.contract import Contract
from gdpeer.contract.stub_text import MARK, StubError, is_same
from gdpeer.quoting import escape

__all__ = ["name_of", "put", "read_methods", "refusing", "stub_options"]

CURRENT, WRITTEN, MISSING, OLD = "up to date", "written", "missing", "out of date"
"""What may be the case with a file."""

MOST_REASONS = 3
"""Most reasons in an error message."""


def stub_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--check` and `--force` to a command, which gets them as `is_check` and `force`."""

    @click.option("--check", "is_check", is_flag=True, help="Write nothing; exit 1 if a file is out of date.")
    @click.option("--force", is_flag=True, help="Overwrite files that gdpeer has not written.")
    @functools.wraps(command)
    def run(**options: Any) -> Any:
        return command(**options)

    return run


def read_methods(source: str, reading: Reading) -> Contract:
    """Returns the contract of a source; says on standard error how many problems it has.

    Raises:
        click.UsageError: the source cannot be read, or has no methods.
    """
    found = reading.read(source)
    if not found.tables:
        raise click.UsageError(f"{quoted(source)} has no RPC methods")
    if found.problems:
        count = f"{len(found.problems)} problem{'s' if len(found.problems) > 1 else ''}"
        click.echo(f"{count}: gdpeer contract show {escape(source, LONG)} lists them", err=True)
    return found


def name_of(source: str) -> str:
    """Returns a source's name for the first line of a file: without its folder, which differs between machines."""
    path = Path(source)
    if path.is_dir():
        return path.resolve().name
    return path.name if path.exists() else source


def refusing(write: Callable[[], Any]) -> Any:
    """Returns the result of `write`.

    Raises:
        click.UsageError: the methods cannot be written.
    """
    try:
        return write()
    except StubError as error:
        more = f"; and {len(error.reasons) - MOST_REASONS} more" if len(error.reasons) > MOST_REASONS else ""
        raise click.UsageError("; ".join(error.reasons[:MOST_REASONS]) + more) from error


def put(files: Mapping[Path, str], is_check: bool, force: bool, form: str) -> int:
    """Writes files, or compares them with `is_check`; returns the exit status.

    Args:
        files: the text of each file.
        is_check: nothing is written.
        force: files that gdpeer has not written are overwritten, too.
        form: of the output: "text", "json" or "github".

    Raises:
        click.UsageError: a file was not written by gdpeer, or cannot be read or written. No file has changed.
        Failure: a file is out of date, and the form is "text".
    """
    try:
        old = {path: path.read_text("utf-8") if path.exists() else None for path in files}
        if is_check:
            return _tell({path: _compare(old[path], text) for path, text in files.items()}, form)
        foreign = [path for path, text in old.items() if text is not None and not text.startswith(MARK)]
        if foreign and not force:
            raise click.UsageError(f"{escape(str(foreign[0]), LONG)} was not written by gdpeer: --force overwrites it")
        for path, text in files.items():
            if text != old[path]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8", newline="\n")
        return _tell({path: CURRENT if text == old[path] else WRITTEN for path, text in files.items()}, form)
    except UnicodeDecodeError as error:
        raise click.UsageError("a file to overwrite is not UTF-8: expected a file that gdpeer has written") from error
    except OSError as error:
        raise click.UsageError(f"cannot write {escape(str(error.filename), LONG)}: {error.strerror}") from error


def _compare(before: str | None, text: str) -> str:
    if before is None:
        return MISSING
    return CURRENT if is_same(before, text) else OLD


def _tell(states: Mapping[Path, str], form: str) -> int:
    """Prints what is the case with each file; returns the exit status."""
    wrong = {path: f"{path} is {state}: write it again" for path, state in states.items() if state in (MISSING, OLD)}
    if form == "json":
        files = [{"file": str(path), "state": state} for path, state in states.items()]
        click.echo(json.dumps({"files": files}, ensure_ascii=False, indent=1))
    elif form == "github":
        for path, text in wrong.items():
            click.echo(github_line("error", str(path), 0, text))
    elif wrong:
        raise Failure(escape(next(iter(wrong.values())), LONG))
    return 1 if wrong else 0
