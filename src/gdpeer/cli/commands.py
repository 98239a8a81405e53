"""The group of subcommands, and how they fail: one line on standard error, never a traceback.

A subcommand is a function of the same name in the module of the same name (a hyphen is an underscore there). It returns
its exit status (None is 0), and it raises `click.UsageError` (exit 2) or `failure.Failure` (exit 1) with one sentence.

Layer: `cli`.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from gdpeer import COMPILED, __version__

__all__ = ["Commands", "gdpeer"]

NAMES = ("bad-network", "chat", "connect", "echo", "inspect", "replay", "roll", "swarm")

INTERRUPTED = 130
"""The shell's status for a program that Ctrl-C ended before it had begun."""


class Commands(click.Group):
    """Loads a subcommand's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help text."""
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, or None when there is no such."""
        if cmd_name not in NAMES:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"gdpeer.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run with `args` (the process's own by default) and exit; without any, show the help."""
        extra["standalone_mode"] = False
        arguments = list(sys.argv[1:] if args is None else args) or ["--help"]
        try:
            status = super().main(arguments, prog_name, **extra)
        except click.ClickException as error:
            complain(error, prog_name or "gdpeer")
            status = error.exit_code
        except click.Abort:
            status = INTERRUPTED
        sys.exit(status)


def complain(error: click.ClickException, program: str) -> None:
    """Say in one line what is wrong, and for a usage error where the help is."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else program
    hint = f" (see {path} --help)" if isinstance(error, click.UsageError) else ""
    message = " ".join(error.format_message().split()).rstrip(".")
    click.echo(f"{path}: {message}{hint}", err=True)


EXAMPLES = """\b
Examples:
  gdpeer chat                          a chat room: open the address that it prints
  gdpeer connect ws://localhost:8000/  type to a server, see what it says
  gdpeer echo --port 9001              a server that sends everything back
  gdpeer inspect --listen 8911 --to ws://localhost:8910    every message between a game and its server"""


VERSION = f"%(prog)s %(version)s ({'compiled' if COMPILED else 'uncompiled'}, Python {platform.python_version()})"


@click.group(
    cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="gdpeer", message=VERSION)
def gdpeer() -> None:
    """Godot's WebSocket peers on the command line.

    Each command has its own --help with examples.
    """
