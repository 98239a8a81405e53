"""The error that a subcommand raises, and the words for all errors.

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
"""The shell's exit status for a program that Ctrl-C ended before it had done anything."""

OUTPUT = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF, errno.ENXIO, getattr(errno, "EDQUOT", errno.ENOSPC))
"""The errors of a write to standard output, except that of a broken pipe."""

EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)


class Failure(click.ClickException):
    """Ends the command with status 1 and one line, for an error that is not in the command line.

    Args:
        message: one sentence without a full stop.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.ctx = click.get_current_context(silent=True)  # the message begins with the command of this context


def describe(error: click.ClickException) -> str:
    """Returns the sentence for an error of click, in the style of gdpeer's own messages."""
    match error:
        case click.exceptions.NoSuchOption():
            return f"unknown option {error.option_name}{suggestion(error.option_name, options_of(error.ctx))}"
        case click.BadOptionUsage():
            is_flag = "does not take" in error.message
            return f"{error.option_name}: {'takes no value' if is_flag else 'expected a value'}"
        case click.MissingParameter():
            return f"{name_of(error)} is missing"
        case click.BadParameter():
            return f"{name_of(error)}: {error.message}"
    # click has no class for unexpected arguments: recognise the error by its text.
    message = error.format_message()
    extra = EXTRA.match(message)
    return f"unexpected argument {quoted(extra[1])}" if extra else message


def name_of(error: click.BadParameter) -> str:
    """Returns the option's long name, or the argument's name in the usage line."""
    parameter = error.param
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)  # --help rather than -h
    if parameter is not None:
        # click puts the name of an argument that may be left out into brackets.
        return parameter.make_metavar(error.ctx or click.Context(click.Command(None))).strip("[]")
    return str(error.param_hint)


def options_of(context: click.Context | None) -> list[str]:
    """Returns the long options of a command, without hidden ones."""
    parameters = context.command.get_params(context) if context is not None else []
    shown = [one for one in parameters if isinstance(one, click.Option) and not one.hidden]
    return [name for one in shown for name in one.opts if name.startswith("--")]


def suggestion(given: str, known: Sequence[str]) -> str:
    """Returns `, did you mean ...?` with the most similar word; "" if no word is similar."""
    near = difflib.get_close_matches(given, known, 1, cutoff=0.75)
    return f", did you mean {near[0]}?" if near else ""


def describe_os_error(error: OSError) -> str:
    """Returns the sentence for an error of the operating system."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    return f"cannot write to standard output: {reason}" if error.errno in OUTPUT else reason
