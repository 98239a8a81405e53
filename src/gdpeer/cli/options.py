"""The kinds of options that the commands have: each says in plain words what it expected and what it got.

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
    "parse_protocols",
    "port_option",
    "quoted",
    "tls_options",
    "trust_options",
]

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
MOST_DIGITS = 12
LARGEST = 10**MOST_DIGITS

Function = TypeVar("Function", bound=Callable[..., Any])


def quoted(value: object) -> str:
    """What somebody typed, as it can be shown."""
    return f"'{escape(str(value))}'"


class Number(click.ParamType):  # type: ignore[type-arg]
    """A whole number.

    Args:
        least, most: the range.
        expected: what to say that was expected.
    """

    name = "number"

    def __init__(self, least: int, most: int, expected: str) -> None:
        self._least = least
        self._most = most
        self._expected = expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if isinstance(value, int):
            return value
        is_number = re.fullmatch(rf"-?[0-9]{{1,{MOST_DIGITS}}}", value) is not None
        if not is_number or not self._least <= int(value) <= self._most:
            self.fail(f"expected {self._expected}, got {quoted(value)}", param, ctx)
        return int(value)


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """A length of time in seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        if isinstance(value, str) and not re.fullmatch(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", value, re.ASCII):
            self.fail(f"expected seconds such as 0.5, got {quoted(value)}", param, ctx)
        return float(value)


class Size(click.ParamType):  # type: ignore[type-arg]
    """Bytes, such as `65536`, `64K` or `16M`."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if isinstance(value, int):
            return value
        unit = value[-1:].upper() if value[-1:].upper() in UNITS else ""
        number = value.removesuffix(value[-1:]) if unit else value
        if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS and int(number)):
            self.fail(f"expected a size such as 65536, 64K or 16M, got {quoted(value)}", param, ctx)
        return int(number) * UNITS[unit]


class Place(click.ParamType):  # type: ignore[type-arg]
    """A file or a folder that is there.

    Args:
        is_folder: which of the two.
    """

    name = "path"

    def __init__(self, is_folder: bool = False) -> None:
        self._is_folder = is_folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Look whether it is there."""
        path = Path(value)
        expected = "a folder" if self._is_folder else "a file"
        try:
            is_right = path.is_dir() if self._is_folder else path.exists() and not path.is_dir()
            is_there = path.exists() and str(value) != ""
            is_right = is_right and is_there
        except (OSError, ValueError):  # a name that is too long, or has a NUL in it
            is_right = is_there = False
        if not is_right:
            why = f"which is no{expected[1:]}" if is_there else "which is not there"
            self.fail(f"expected {expected}, got {quoted(value)}, {why}", param, ctx)
        if not os.access(path, os.R_OK):
            self.fail(f"{quoted(value)} may not be read", param, ctx)
        return path


class Opened(click.ParamType):  # type: ignore[type-arg]
    """A file of text that is opened at once.

    Args:
        mode: "r" or "w".
    """

    name = "file"

    def __init__(self, mode: str) -> None:
        self._mode = mode

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IO[str]:
        """Open it."""
        try:
            return click.File(self._mode, encoding="utf-8", lazy=False).convert(value, param, ctx)
        except (click.BadParameter, ValueError) as error:
            reason = getattr(error.__context__, "strerror", None) or "no such file"
            self.fail(f"cannot open {quoted(value)}: {reason}", param, ctx)


class Choice(click.Choice):  # type: ignore[type-arg]
    """One of some words.

    Args:
        words: all of them.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Look whether it is one of them."""
        if value not in self.choices:
            words = [str(word) for word in self.choices]
            self.fail(f"expected {', '.join(words[:-1])} or {words[-1]}, got {quoted(value)}", param, ctx)
        return str(value)


PORT = Number(0, 65535, "a port from 0 to 65535")
COUNT = Number(1, LARGEST, "a number from 1 on")
NUMBER = Number(-LARGEST, LARGEST, "a whole number")
SECONDS = Seconds()
SIZE = Size()
FILE = Place()
FOLDER = Place(is_folder=True)
INPUT = Opened("r")
OUTPUT = Opened("w")


def parse_path(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A path as it stands in a request."""
    if value is not None and not value.startswith("/"):
        raise click.BadParameter(f"expected a path that begins with /, got {quoted(value)}")
    return value


def parse_protocols(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Names of sub-protocols."""
    for one in value:
        try:
            names((one,))
        except ValueError as error:
            raise click.BadParameter(f"expected a sub-protocol such as demo-chat, got {quoted(one)}") from error
    return names(value)


def parse_headers(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Header lines as the engine wants them: `Name: value`."""
    lines = []
    for one in value:
        try:
            lines.append(": ".join(parse_header_line(one)))
        except ValueError as error:  # the value may be a password: it is not repeated
            raise click.BadParameter("expected a header such as 'X-Name: value'") from error
    return lines


def tls_options(authority: Path | None, insecure: bool) -> TLSOptions | None:
    """Whom to trust; None for the authorities that the system trusts."""
    if authority is not None and insecure:
        raise click.UsageError("--ca and --insecure exclude each other")
    if insecure:
        return TLSOptions.client_unsafe()
    return None if authority is None else TLSOptions.client(str(authority))


def port_option(default: int) -> Callable[[Function], Function]:
    """The port to listen on."""
    return click.option(
        "--port",
        default=default,
        show_default=True,
        type=PORT,
        metavar="N",
        help="Port to listen on; 0: any free port.",
    )


def trust_options(function: Function) -> Function:
    """Whom a client trusts."""
    function = click.option("--insecure", is_flag=True, help="Trust every certificate.")(function)
    return click.option("--ca", type=FILE, metavar="FILE", help="Trust only this certificate authority (PEM file).")(
        function
    )
