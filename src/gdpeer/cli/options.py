"""Options that need a look before they are used: what is wrong with one is said beside its name.

Layer: `cli`.
"""

from __future__ import annotations

import click

from gdpeer import TLSOptions
from gdpeer.protocol.http1 import parse_header_line
from gdpeer.websocket.settings import names

__all__ = ["parse_headers", "parse_path", "parse_protocols", "parse_size", "tls_options"]

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
MOST_DIGITS = 12


def parse_size(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """Bytes from `65536`, `64K` or `16M`."""
    unit = value[-1:].upper() if value[-1:].upper() in UNITS else ""
    number = value.removesuffix(value[-1:]) if unit else value
    if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS and int(number)):
        raise click.BadParameter(f"{value!r} is no size such as 65536, 64K or 16M")
    return int(number) * UNITS[unit]


def parse_path(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A path as it stands in a request."""
    if value is not None and not value.startswith("/"):
        raise click.BadParameter(f"{value!r} does not begin with /")
    return value


def parse_protocols(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Names of sub-protocols."""
    try:
        return names(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def parse_headers(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Header lines as the engine wants them: `Name: value`."""
    try:
        return [": ".join(parse_header_line(line)) for line in value]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def tls_options(authority: str | None, insecure: bool) -> TLSOptions | None:
    """Whom to trust; None for the authorities that the system trusts."""
    if authority is not None and insecure:
        raise click.UsageError("--ca and --insecure exclude each other")
    if insecure:
        return TLSOptions.client_unsafe()
    return None if authority is None else TLSOptions.client(authority)
