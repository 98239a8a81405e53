"""How a subcommand fails: what it raises, and the one line that is said of it.

Layer: `cli`.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Sequence

import click

from gdpeer.cli.options import quoted

__all__ = ["INTERRUPTED", "Failure", "describe", "describe_os_error", "suggestion"]

INTERRUPTED = 130
"""The shell's status for a program that Ctrl-C ended before it had done anything."""

OUTPUT = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF, errno.ENXIO, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What a write to standard output can fail with, beside a pipe that nobody reads any more."""

EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)


class Failure(click.ClickException):
    """Something outside the command line is wrong: exit 1 with one line.

    Args:
        message: one sentence without a full stop.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.ctx = click.get_current_context(silent=True)


def describe(error: click.ClickException) -> str:
    """The sentence for an error of click's, in the words of this program."""
    match error:
        case click.exceptions.NoSuchOption():
            return f"there is no option {error.option_name}{suggestion(error.option_name, options_of(error.ctx))}"
        case click.BadOptionUsage():
            is_flag = "does not take" in error.message
            return f"{error.option_name}: {'takes no value' if is_flag else 'expected a value after it'}"
        case click.MissingParameter():
            return f"{name_of(error)} is missing"
        case click.BadParameter():
            return f"{name_of(error)}: {error.message}"
    message = error.format_message()
    extra = EXTRA.match(message)
    return f"there is no use for {quoted(extra[1])} here" if extra else message


def name_of(error: click.BadParameter) -> str:
    """The option as it is written, or the argument's name in the usage line."""
    parameter = error.param
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    if parameter is not None:
        return parameter.make_metavar(error.ctx or click.Context(click.Command(None))).strip("[]")
    return str(error.param_hint)


def options_of(context: click.Context | None) -> list[str]:
    """The options of a command."""
    parameters = context.command.get_params(context) if context is not None else []
    shown = [one for one in parameters if isinstance(one, click.Option) and not one.hidden]
    return [name for one in shown for name in one.opts if name.startswith("--")]


def suggestion(given: str, known: Sequence[str]) -> str:
    """What was perhaps meant; "" where nothing is like it."""
    near = difflib.get_close_matches(given, known, 1, cutoff=0.75)
    return f", did you mean {near[0]}?" if near else ""


def describe_os_error(error: OSError) -> str:
    """The sentence for what the system refused."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    return f"cannot write to standard output: {reason}" if error.errno in OUTPUT else reason
