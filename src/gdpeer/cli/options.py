"""The types of the commands' options. Each error message says which value was expected and which was given.

Layer: `cli`.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from gdpeer import TLSOptions
from gdpeer.protocol.http_headers import parse_header_line
from gdpeer.quoting import escape
from gdpeer.websocket.settings import names

__all__ = [
    "COUNT",
    "FILE",
    "FOLDER",
    "HEADER",
    "INPUT",
    "NUMBER",
    "OUTPUT",
    "PATH",
    "PORT",
    "SECONDS",
    "SIZE",
    "Choice",
    "Parsed",
    "number",
    "port_option",
    "protocols_option",
    "quoted",
    "trust_options",
]

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
MOST_DIGITS = 12  # Python refuses to read very long numbers, with an error of its own
LARGEST = 10**MOST_DIGITS

Function = TypeVar("Function", bound=Callable[..., Any])


def quoted(value: object) -> str:
    """Returns a typed value in quotes, with control characters escaped."""
    return f"'{escape(str(value))}'"


class Parsed(click.ParamType):  # type: ignore[type-arg]
    """The type of an option whose value a function parses.

    Args:
        name: stands for the value in the help text, in capital letters.
        parse: returns the value of a text; raises ValueError with the sentence to print.
    """

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the parsed value; fails if the function refuses the text."""
        try:
            # A default may be a value already.
            return self._parse(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Choice(click.Choice):  # type: ignore[type-arg]
    """The type of an option that takes one of several words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the word; fails if it is not one of the possible values."""
        if value not in self.choices:
            words = [str(word) for word in self.choices]
            self.fail(f"expected {', '.join(words[:-1])} or {words[-1]}, got {quoted(value)}", param, ctx)
        return str(value)


def number(least: int, most: int, expected: str) -> Callable[[str], int]:
    """Returns a parser of whole numbers from `least` to `most`; its error message describes them as `expected`."""

    def parse(text: str) -> int:
        is_number = re.fullmatch(rf"-?[0-9]{{1,{MOST_DIGITS}}}", text) is not None
        if not is_number or not least <= int(text) <= most:
            raise ValueError(f"expected {expected}, got {quoted(text)}")
        return int(text)

    return parse


def parse_seconds(text: str) -> float:
    """Returns the seconds of a text such as `0.5`; refuses negative numbers, exponents and units."""
    # ASCII, because \d matches the digits of every alphabet, and float() reads them.
    if not re.fullmatch(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", text, re.ASCII):
        raise ValueError(f"expected seconds such as 0.5, got {quoted(text)}")
    return float(text)


def parse_size(text: str) -> int:
    """Returns the bytes of a text such as `65536`, `64K` or `16M`, at least 1; K is 1,024 and M is 1,048,576."""
    unit = text[-1:].upper() if text[-1:].upper() in UNITS else ""
    digits = text.removesuffix(text[-1:]) if unit else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS and int(digits)):
        raise ValueError(f"expected a size such as 65536, 64K or 16M, got {quoted(text)}")
    return int(digits) * UNITS[unit]


def existing(expected: str, is_folder: bool) -> Callable[[str], Path]:
    """Returns a parser of paths, which refuses a path that is not a readable file, or not a readable folder."""

    def parse(text: str) -> Path:
        path = Path(text)
        try:
            # Not is_file(): a pipe such as /dev/stdin is right, too.
            is_there = path.exists() and text != ""
            is_right = is_there and path.is_dir() is is_folder
        except (OSError, ValueError):  # a name that is too long, or has a NUL in it
            is_right = is_there = False
        if not is_right:
            why = f"which is not {expected}" if is_there else "which cannot be found"
            raise ValueError(f"expected {expected}, got {quoted(text)}, {why}")
        if not os.access(path, os.R_OK):
            raise ValueError(f"no permission to read {quoted(text)}")
        return path

    return parse


def opener(mode: str) -> Callable[[str], IO[str]]:
    """Returns a parser that opens a text file as UTF-8, with mode "r" or "w"; click closes the file at the end."""
    # Not lazy: a file that cannot be opened is to be reported before the command begins.
    kind = click.File(mode, encoding="utf-8", lazy=False)

    def parse(text: str) -> IO[str]:
        try:
            return kind.convert(text, None, click.get_current_context())
        except (click.BadParameter, ValueError) as error:
            reason = getattr(error.__context__, "strerror", None) or "no such file"
            raise ValueError(f"cannot open {quoted(text)}: {reason}") from error

    return parse


def parse_path(text: str) -> str:
    """Returns the path of a request, which begins with a slash."""
    if not text.startswith("/"):
        raise ValueError(f"expected a path that begins with /, got {quoted(text)}")
    return text


def parse_protocol(text: str) -> str:
    """Returns the name of a sub-protocol; refuses names that cannot stand in a header."""
    try:
        return names((text,))[0]
    except ValueError as error:
        raise ValueError(f"expected a sub-protocol such as demo-chat, got {quoted(text)}") from error


def parse_header(text: str) -> str:
    """Returns a header line in the form `Name: value`, as `handshake_headers` takes it."""
    try:
        return ": ".join(parse_header_line(text))
    except ValueError as error:  # do not repeat the value: it may be a password
        raise ValueError("expected a header such as 'X-Name: value'") from error


PORT = Parsed("port", number(0, 65535, "a port from 0 to 65535"))
COUNT = Parsed("n", number(1, LARGEST, "a number of at least 1"))
NUMBER = Parsed("n", number(-LARGEST, LARGEST, "a whole number"))
SECONDS = Parsed("seconds", parse_seconds)
SIZE = Parsed("bytes", parse_size)
FILE = Parsed("file", existing("a file", is_folder=False))
FOLDER = Parsed("folder", existing("a folder", is_folder=True))
INPUT = Parsed("file", opener("r"))
OUTPUT = Parsed("file", opener("w"))
PATH = Parsed("path", parse_path)
HEADER = Parsed("'K: V'", parse_header)


def protocols_option(help_text: str) -> Callable[[Function], Function]:
    """Returns a decorator that adds `--protocol` to a command, which gets the names as `protocols`."""
    kind = Parsed("name", parse_protocol)
    return click.option("--protocol", "protocols", multiple=True, type=kind, help=help_text)


def port_option(default: int) -> Callable[[Function], Function]:
    """Returns a decorator that adds `--port` to a command."""
    words = "Port to listen on; 0 selects a free port."
    return click.option("--port", default=default, show_default=True, type=PORT, metavar="N", help=words)


def trust_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--ca` and `--insecure` to a command, which gets them as `tls`; None trusts the system's authorities."""

    @click.option("--ca", type=FILE, help="Trust only this certificate authority (PEM file).")
    @click.option("--insecure", is_flag=True, help="Accept every certificate.")
    @functools.wraps(command)
    def run(ca: Path | None, insecure: bool, **others: Any) -> Any:
        if ca is not None and insecure:
            raise click.UsageError("--ca and --insecure cannot be used together")
        if insecure:
            return command(tls=TLSOptions.client_unsafe(), **others)
        return command(tls=None if ca is None else TLSOptions.client(str(ca)), **others)

    return run
