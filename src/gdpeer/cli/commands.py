"""The group of subcommands. When a subcommand fails, it prints one line on standard error and never a traceback.

A subcommand is a function of its name in the module of its name, where an underscore stands for a hyphen. It returns
its exit status (None is 0), or raises `click.UsageError` (exit 2) or `failure.Failure` (exit 1) with one sentence.

Layer: `cli`.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

import click

from gdpeer import COMPILED, __version__
from gdpeer.cli.failure import INTERRUPTED, describe, describe_os_error
from gdpeer.cli.groups import LazyGroup
from gdpeer.quoting import clean

__all__ = ["Commands", "gdpeer"]

NAMES = (
    "arena",
    "bad-network",
    "call",
    "chat",
    "connect",
    "contract",
    "drain",
    "echo",
    "haproxy",
    "inspect",
    "new",
    "replay",
    "roll",
    "rooms",
    "serve",
    "swarm",
)

MOST_MESSAGE = 1000
"""The most characters of an error message, which may repeat a long value."""


class Commands(LazyGroup):
    """All subcommands of `gdpeer`."""

    names = NAMES

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Runs a subcommand and exits; shows the help if there are no arguments.

        Args:
            args: the words of the command line; those of the process by default.
            prog_name: name of the program in messages; "gdpeer" by default.
            extra: as for `click.Group.main`.
        """
        extra["standalone_mode"] = False  # click then raises its errors here instead of printing them in its own style
        arguments = list(sys.argv[1:] if args is None else args) or ["--help"]
        program = prog_name or "gdpeer"
        try:
            status = super().main(arguments, prog_name, **extra)
            flush()
        except click.ClickException as error:
            complain(error, called(program, arguments))
            status = error.exit_code
        except click.Abort:
            status = INTERRUPTED
        except OSError as error:  # commands handle the errors of what they open, so this one is of the output
            say(f"{called(program, arguments)}: {describe_os_error(error)}")
            give_up_output(sys.stdout)
            status = 1
        sys.exit(status)


def called(program: str, arguments: Sequence[str]) -> str:
    """Returns the program's name, with the subcommand if there is one."""
    return f"{program} {arguments[0]}" if arguments[0] in NAMES else program


def flush() -> None:
    """Writes buffered output now, while an error can still be reported."""
    if sys.stdout is not None:  # None: the program was started without standard output
        sys.stdout.flush()


def give_up_output(stream: TextIO) -> None:
    """Sends all further output of a standard stream to the null device."""
    # At its end the interpreter would try to write again, print a traceback, and set another exit status.
    with suppress(OSError, ValueError):  # ValueError: no descriptor, as in a test
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def complain(error: click.ClickException, called_as: str) -> None:
    """Prints an error in one line; a usage error also names the command for help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else called_as
    hint = f" (see {path} --help)" if isinstance(error, click.UsageError) else ""
    message = " ".join(describe(error).split()).rstrip(".")  # messages of click may have several lines
    say(f"{path}: {clean(message, MOST_MESSAGE)}{hint}")
    if context is not None:
        context.close()  # closes the files that other options have opened


def say(line: str) -> None:
    """Prints a line on standard error; does nothing if that cannot be written."""
    try:
        click.echo(line, err=True)
    except OSError:
        give_up_output(sys.stderr)


EXAMPLES = """\b
Examples:
  gdpeer chat                          open a chat room and print its address
  gdpeer connect ws://localhost:8000/  send lines to a server and print the answers
  gdpeer echo --port 9001              run a server that sends every message back
  gdpeer serve game:Arena              host the rooms of your module game.py
  gdpeer inspect --listen 8911 --to ws://localhost:8910    show the messages between a game and its server"""


VERSION = f"%(prog)s %(version)s ({'compiled' if COMPILED else 'uncompiled'}, Python {platform.python_version()})"


@click.group(
    cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="gdpeer", message=VERSION)
def gdpeer() -> None:
    """Test, watch and play Godot's WebSocket multiplayer from the command line.

    gdpeer COMMAND --help shows the options of a command, with examples.
    """
