"""What the subcommands that stand between a game and its server have in common: their options, their loop, their end.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import tls_options
from gdpeer.cli.serving import TURN, address, resolve
from gdpeer.demos.stopping import Stop
from gdpeer.errors import TransportError
from gdpeer.tools.decoding import DIALECTS
from gdpeer.tools.names import MethodNames, load_tables
from gdpeer.tools.tunnel import Event, Tunnel

__all__ = ["dialect_options", "make_tunnel", "open_tunnel", "parse_names", "run", "tunnel_options"]

QUIET = 0.002
"""Seconds without news after which there is time to tell of what was before."""

LATEST = 0.05
"""Seconds after which it is told all the same."""

MOST_AT_ONCE = 64
"""Events after which likewise: to tell of them takes a few milliseconds."""

Made = TypeVar("Made", bound=Tunnel)
Function = TypeVar("Function", bound=Callable[..., Any])


def parse_names(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> MethodNames:
    """The tables that `--names` tells."""
    try:
        return MethodNames(table for source in value for table in load_tables(source))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def tunnel_options(function: Function) -> Function:
    """Where the game connects to, and where its server is."""
    for option in (
        click.option("--insecure", is_flag=True, help="Trust every certificate of the server."),
        click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="Trust this authority (PEM) only."),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; * for all."),
        click.option("--to", required=True, metavar="URL", help="The server: ws:// or wss://."),
        click.option(
            "--listen",
            "port",
            required=True,
            type=click.IntRange(0, 65535),
            metavar="PORT",
            help="Port for the game; 0 takes a free one.",
        ),
    ):
        function = option(function)
    return function


def dialect_options(function: Function) -> Function:
    """What the traffic is, and what its methods are called."""
    for option in (
        click.option(
            "--names",
            multiple=True,
            callback=parse_names,
            metavar="SOURCE",
            help="Godot 4's methods: project folder, .gd, .py, module, list.",
        ),
        click.option(
            "--dialect", type=click.Choice(DIALECTS), default="auto", show_default=True, help="What the traffic is."
        ),
    ):
        function = option(function)
    return function


def make_tunnel(kind: Callable[..., Made], to: str, authority: str | None, insecure: bool, *more: Any) -> Made:
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
        Failure: the port cannot be opened.
    """
    try:
        return address("ws", host, tunnel.listen(resolve(host), port))
    except TransportError as error:
        raise Failure(error.detail) from error


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
