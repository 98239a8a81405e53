"""What the subcommands that stand between a game and its server have in common: their options, their loop, their end.

Layer: `cli`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import PORT, Choice, tls_options, trust_options
from gdpeer.cli.serving import TURN, address, resolve
from gdpeer.demos.origins import EVERYWHERE
from gdpeer.errors import TransportError
from gdpeer.inspection.decoding import DIALECTS
from gdpeer.inspection.method_names import MethodNames, load_tables
from gdpeer.inspection.tunnel import Event, Tunnel
from gdpeer.quoting import clean, escape
from gdpeer.terminal.stopping import Stop

__all__ = [
    "check_target",
    "dialect_options",
    "make_tunnel",
    "names_option",
    "open_tunnel",
    "parse_names",
    "run",
    "tunnel_options",
]

QUIET = 0.002
"""Seconds without news after which there is time to tell of what was before."""

LATEST = 0.05
"""Seconds after which it is told all the same."""

MOST_AT_ONCE = 64
"""Events after which likewise: to tell of them takes a few milliseconds."""

MOST_PROBLEMS = 10
"""Scripts that cannot be read that are told of."""

Made = TypeVar("Made", bound=Tunnel)
Function = TypeVar("Function", bound=Callable[..., Any])


def parse_names(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> MethodNames:
    """The tables that `--names` tells; what could not be read is told on standard error."""
    tables: list[tuple[str, ...]] = []
    for source in value:
        try:
            found = load_tables(source)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        tables += found.tables
        for problem in found.problems[:MOST_PROBLEMS]:
            click.echo(f"--names {escape(source)}: {clean(problem)}", err=True)
        if len(found.problems) > MOST_PROBLEMS:
            click.echo(f"--names {escape(source)}: and {len(found.problems) - MOST_PROBLEMS} more", err=True)
    return MethodNames(tables)


def tunnel_options(function: Function) -> Function:
    """Where the game connects to, and where its server is."""
    for option in (
        trust_options,
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; * for all."),
        click.option("--to", required=True, metavar="URL", help="The server: ws:// or wss://."),
        click.option(
            "--listen",
            "port",
            required=True,
            type=PORT,
            metavar="PORT",
            help="Port for the game; 0: any free port.",
        ),
    ):
        function = option(function)
    return function


def names_option(function: Function) -> Function:
    """Where the names of methods come from."""
    return click.option(
        "--names",
        multiple=True,
        callback=parse_names,
        metavar="SOURCE",
        help="Godot 4's method names: project, .gd, .py, module.",
    )(function)


def dialect_options(function: Function) -> Function:
    """What the traffic is, and what its methods are called."""
    for option in (
        names_option,
        click.option(
            "--dialect", type=Choice(DIALECTS), default="auto", show_default=True, help="The kind of traffic."
        ),
    ):
        function = option(function)
    return function


def make_tunnel(kind: Callable[..., Made], to: str, authority: Path | None, insecure: bool, *more: Any) -> Made:
    """A tunnel to a URL.

    Raises:
        click.UsageError: the URL is none, or the options do not go together.
    """
    try:
        return kind(to, tls_options(authority, insecure), *more)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def open_tunnel(tunnel: Tunnel, host: str, port: int) -> str:
    """Listen; the URL for the game.

    Raises:
        Failure: the port cannot be opened, or is the server's own.
    """
    try:
        found = tunnel.listen(resolve(host), port)
    except TransportError as error:
        raise Failure(error.detail) from error
    check_target(tunnel, "--listen", host, found)
    return address("ws", host, found)


def check_target(tunnel: Tunnel, option: str, host: str, port: int) -> None:
    """Refuse a server that is this program itself: each connection would make another one.

    Args:
        tunnel: to the server.
        option: that asked for the port.
        host: where this program listens.
        port: likewise.

    Raises:
        Failure: it is.
    """
    if tunnel.url.port == port and is_same_machine(tunnel.url.host, resolve(host)):
        raise Failure(f"--to is the address of {option}: expected the address of the game's server")


def is_same_machine(target: str, listening: str) -> bool:
    """Whether a connection to a host reaches what listens on an address of this machine."""
    here = addresses_of("localhost") if listening in EVERYWHERE else addresses_of(listening)
    for found in addresses_of(target):
        if found in here or (found.is_unspecified and any(one.is_loopback for one in here)):
            return True
        if listening in EVERYWHERE and (found.is_unspecified or is_local(found)):
            return True
    return False


Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"


def addresses_of(host: str) -> set[Address]:
    """What a name stands for; an IPv4 address in IPv6's form is the IPv4 address."""
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
    addresses = (ipaddress.ip_address(one.partition("%")[0]) for one in found)
    return {getattr(one, "ipv4_mapped", None) or one for one in addresses}


def is_local(address: Address) -> bool:
    """Whether an address is one of this machine's: only such can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def run(tunnel: Tunnel, stop: Stop, see: Callable[[Iterable[Event]], object], turn: float = TURN) -> None:
    """Go on until somebody wants to stop, then close both sides with 1001.

    What happened is told in a moment of quiet, so that an answer that comes at once is not held up by it.

    Args:
        tunnel: that listens.
        stop: who is asked.
        see: called with what happened, be it nothing.
        turn: seconds that one poll waits at most.
    """
    events: list[Event] = []
    try:
        while not stop.requested:
            fresh = tunnel.poll(QUIET if events else turn)
            events += fresh
            if not fresh or len(events) >= MOST_AT_ONCE or tunnel.time() - events[0].time >= LATEST:
                see(events)
                events = []
    except BaseException:  # whoever read the output has gone, the disk is full: the game shall know that it is over
        tunnel.stop(grace=0.0)
        raise
    see(events + tunnel.stop())
