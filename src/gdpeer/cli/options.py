"""The types of the commands' options. Each error message says which value was expected and which was given.

Layer: `cli`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
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
    "INPUT",
    "NUMBER",
    "OUTPUT",
    "PORT",
    "SECONDS",
    "SIZE",
    "Choice",
    "parse_headers",
    "parse_path",
    "port_option",
    "protocols_option",
    "quoted",
    "tls_options",
    "trust_options",
]

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
MOST_DIGITS = 12
LARGEST = 10**MOST_DIGITS

Function = TypeVar("Function", bound=Callable[..., Any])


def quoted(value: object) -> str:
    """Returns a typed value in quotes, with control characters escaped."""
    return f"'{escape(str(value))}'"


class Number(click.ParamType):  # type: ignore[type-arg]
    """The type of an option that takes a whole number.

    Args:
        least, most: the range, both included.
        expected: description of the range, for the error message.
    """

    name = "number"

    def __init__(self, least: int, most: int, expected: str) -> None:
        self._least = least
        self._most = most
        self._expected = expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Returns the number; fails if it is out of range."""
        if isinstance(value, int):
            return value
        is_number = re.fullmatch(rf"-?[0-9]{{1,{MOST_DIGITS}}}", value) is not None
        if not is_number or not self._least <= int(value) <= self._most:
            self.fail(f"expected {self._expected}, got {quoted(value)}", param, ctx)
        return int(value)


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """The type of an option that takes a time in seconds, such as `0.5`."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Returns the seconds; fails for negative numbers, exponents and units."""
        if isinstance(value, str) and not re.fullmatch(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", value, re.ASCII):
            self.fail(f"expected seconds such as 0.5, got {quoted(value)}", param, ctx)
        return float(value)


class Size(click.ParamType):  # type: ignore[type-arg]
    """The type of an option that takes a number of bytes, such as `65536`, `64K` or `16M`."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Returns the bytes, at least 1; K is 1,024 and M is 1,048,576."""
        if isinstance(value, int):
            return value
        unit = value[-1:].upper() if value[-1:].upper() in UNITS else ""
        number = value.removesuffix(value[-1:]) if unit else value
        if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS and int(number)):
            self.fail(f"expected a size such as 65536, 64K or 16M, got {quoted(value)}", param, ctx)
        return int(number) * UNITS[unit]


class Place(click.ParamType):  # type: ignore[type-arg]
    """The type of an option that takes an existing file or folder.

    Args:
        is_folder: whether a folder is expected, else a file.
    """

    name = "path"

    def __init__(self, is_folder: bool = False) -> None:
        self._is_folder = is_folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Returns the path; fails if it does not exist, is of the other kind, or may not be read."""
        path = Path(value)
        expected = "a folder" if self._is_folder else "a file"
        try:
            # Not is_file(): a pipe such as /dev/stdin is right, too.
            is_right = path.is_dir() if self._is_folder else path.exists() and not path.is_dir()
            is_there = path.exists() and str(value) != ""
            is_right = is_right and is_there
        except (OSError, ValueError):  # a name that is too long, or has a NUL in it
            is_right = is_there = False
        if not is_right:
            why = f"which is not {expected}" if is_there else "which cannot be found"
            self.fail(f"expected {expected}, got {quoted(value)}, {why}", param, ctx)
        if not os.access(path, os.R_OK):
            self.fail(f"no permission to read {quoted(value)}", param, ctx)
        return path


class Opened(click.ParamType):  # type: ignore[type-arg]
    """The type of an option that takes a text file, which is opened at once as UTF-8.

    Args:
        mode: "r" or "w".
    """

    name = "file"

    def __init__(self, mode: str) -> None:
        self._mode = mode

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IO[str]:
        """Returns the open file; fails if it cannot be opened."""
        try:
            return click.File(self._mode, encoding="utf-8", lazy=False).convert(value, param, ctx)
        except (click.BadParameter, ValueError) as error:
            reason = getattr(error.__context__, "strerror", None) or "no such file"
            self.fail(f"cannot open {quoted(value)}: {reason}", param, ctx)


class Choice(click.Choice):  # type: ignore[type-arg]
    """The type of an option that takes one of several words.

    Args:
        words: the possible values.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the word; fails if it is not one of the possible values."""
        if value not in self.choices:
            words = [str(word) for word in self.choices]
            self.fail(f"expected {', '.join(words[:-1])} or {words[-1]}, got {quoted(value)}", param, ctx)
        return str(value)


PORT = Number(0, 65535, "a port from 0 to 65535")
COUNT = Number(1, LARGEST, "a number of at least 1")
NUMBER = Number(-LARGEST, LARGEST, "a whole number")
SECONDS = Seconds()
SIZE = Size()
FILE = Place()
FOLDER = Place(is_folder=True)
INPUT = Opened("r")
OUTPUT = Opened("w")


def parse_path(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Returns the path of a request; fails if it does not begin with a slash."""
    if value is not None and not value.startswith("/"):
        raise click.BadParameter(f"expected a path that begins with /, got {quoted(value)}")
    return value


def parse_protocols(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names of sub-protocols; fails if one cannot stand in a header."""
    for one in value:
        try:
            names((one,))
        except ValueError as error:
            raise click.BadParameter(f"expected a sub-protocol such as demo-chat, got {quoted(one)}") from error
    return names(value)


def parse_headers(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Returns header lines in the form `Name: value`, as `handshake_headers` takes them."""
    lines = []
    for one in value:
        try:
            lines.append(": ".join(parse_header_line(one)))
        except ValueError as error:  # do not repeat the value: it may be a password
            raise click.BadParameter("expected a header such as 'X-Name: value'") from error
    return lines


def tls_options(authority: Path | None, insecure: bool) -> TLSOptions | None:
    """Returns the TLS options for `--ca` and `--insecure`; None trusts the system's certificate authorities.

    Raises:
        click.UsageError: both were given.
    """
    if authority is not None and insecure:
        raise click.UsageError("--ca and --insecure cannot be used together")
    if insecure:
        return TLSOptions.client_unsafe()
    return None if authority is None else TLSOptions.client(str(authority))


def protocols_option(help_text: str) -> Callable[[Function], Function]:
    """Returns a decorator that adds `--protocol` to a command, which gets the names as `protocols`."""
    return click.option(
        "--protocol", "protocols", multiple=True, callback=parse_protocols, metavar="NAME", help=help_text
    )


def port_option(default: int) -> Callable[[Function], Function]:
    """Returns a decorator that adds `--port` to a command."""
    return click.option(
        "--port",
        default=default,
        show_default=True,
        type=PORT,
        metavar="N",
        help="Port to listen on; 0 selects a free port.",
    )


def trust_options(function: Function) -> Function:
    """Adds `--ca` and `--insecure` to a command; `tls_options` takes their values."""
    function = click.option("--insecure", is_flag=True, help="Accept every certificate.")(function)
    return click.option("--ca", type=FILE, metavar="FILE", help="Trust only this certificate authority (PEM file).")(
        function
    )
