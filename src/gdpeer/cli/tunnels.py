"""Shared by `gdpeer inspect` and `bad-network`, which stand between a game and its server: options, loop and checks.

Layer: `cli`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import PORT, Choice, trust_options
from gdpeer.cli.serving import TURN, address, resolve
from gdpeer.demos.origins import EVERYWHERE
from gdpeer.errors import TransportError
from gdpeer.inspection.decoding import DIALECTS
from gdpeer.inspection.method_names import MethodNames, load_tables
from gdpeer.inspection.scene_names import SceneNames, SceneTable
from gdpeer.inspection.tunnel import Event, Tunnel
from gdpeer.quoting import clean, escape
from gdpeer.terminal.stopping import Stop

__all__ = ["check_target", "make_tunnel", "names_option", "open_tunnel", "run", "tunnel_options"]

QUIET = 0.002
"""Seconds without a new event after which the events so far are shown."""

LATEST = 0.05
"""Seconds after which an event is shown even if new ones keep coming."""

MOST_AT_ONCE = 64
"""Events that are shown even if new ones keep coming; showing this many takes a few milliseconds."""

MOST_PROBLEMS = 10
"""The most unreadable scripts of one source that are reported."""

Made = TypeVar("Made", bound=Tunnel)


def parse_names(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> MethodNames:
    """Returns the names for `--names`, and reports unreadable scripts and scenes on standard error."""
    tables: list[tuple[str, ...]] = []
    scenes: list[SceneTable] = []
    for source in value:
        try:
            found = load_tables(source)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        tables += found.tables
        scenes += found.scenes
        for problem in found.problems[:MOST_PROBLEMS]:
            click.echo(f"--names {escape(source)}: {clean(problem)}", err=True)
        if len(found.problems) > MOST_PROBLEMS:
            click.echo(f"--names {escape(source)}: and {len(found.problems) - MOST_PROBLEMS} more", err=True)
    return MethodNames(tables, SceneNames(scenes))


names_option = click.option(
    "--names",
    multiple=True,
    callback=parse_names,
    metavar="SOURCE",
    help="Names for Godot 4's numbers: a project, .gd, .py or module; repeatable.",
)
"""Adds `--names` to a command, which gets a `MethodNames`."""


def tunnel_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--listen`, `--to`, `--host`, `--dialect`, `--names` and the options of `trust_options` to a command."""
    for option in (
        names_option,
        click.option(
            "--dialect", type=Choice(DIALECTS), default="auto", show_default=True, help="The kind of traffic."
        ),
        trust_options,
        click.option(
            "--host", default="127.0.0.1", show_default=True, help="Address to listen on; * for all addresses."
        ),
        click.option("--to", required=True, metavar="URL", help="The server: ws:// or wss://."),
        click.option("--listen", "port", required=True, type=PORT, help="Port for the game; 0 selects a free port."),
    ):
        command = option(command)
    return command


def make_tunnel(kind: Callable[..., Made], to: str, *more: Any) -> Made:
    """Returns a tunnel of a class, made with these arguments.

    Raises:
        click.UsageError: `to` is not a WebSocket URL.
    """
    try:
        return kind(to, *more)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def open_tunnel(tunnel: Tunnel, host: str, port: int) -> str:
    """Opens the tunnel's port, and returns the URL for the game.

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
    """Checks that the game's server is not this program itself: each connection would make another one.

    Raises:
        Failure: the server is the port that this program opened for `option`.
    """
    if tunnel.url.port == port and is_same_machine(tunnel.url.host, resolve(host)):
        raise Failure(f"--to is the address of {option}: give the address of the game's server")


def is_same_machine(target: str, listening: str) -> bool:
    """Returns whether a connection to `target` reaches a port that listens on the address `listening`."""
    here = addresses_of("localhost") if listening in EVERYWHERE else addresses_of(listening)
    for found in addresses_of(target):
        # A connection to 0.0.0.0 or :: reaches this machine, so a listener on a loopback address gets it.
        if found in here or (found.is_unspecified and any(one.is_loopback for one in here)):
            return True
        if listening in EVERYWHERE and (found.is_unspecified or is_local(found)):
            return True
    return False


Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"


def addresses_of(host: str) -> set[Address]:
    """Returns the addresses of a host, none if it is unknown. IPv4 addresses in IPv6 form become IPv4 addresses."""
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
    addresses = (ipaddress.ip_address(one.partition("%")[0]) for one in found)  # % begins a zone, such as %eth0
    return {getattr(one, "ipv4_mapped", None) or one for one in addresses}


def is_local(address: Address) -> bool:
    """Returns whether an address belongs to this machine."""
    # The system lets a socket bind only to addresses of its own.
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def run(tunnel: Tunnel, stop: Stop, see: Callable[[Iterable[Event]], object], turn: float = TURN) -> None:
    """Runs a tunnel until a stop is requested, then closes both sides of all connections with code 1001.

    Events are shown in a moment without new ones, so that showing a message does not hold up the answer to it.

    Args:
        tunnel: has opened its port.
        stop: ends the run.
        see: called with the new events, or with none.
        turn: the most seconds that one poll waits.
    """
    events: list[Event] = []
    try:
        while not stop.requested:
            fresh = tunnel.poll(QUIET if events else turn)
            events += fresh
            # Without fresh events, `see` is also called with none, for output that changes with time.
            if not fresh or len(events) >= MOST_AT_ONCE or tunnel.time() - events[0].time >= LATEST:
                see(events)
                events = []
    except BaseException:  # the output cannot be written, say: close the connections, so that the game notices
        tunnel.stop(grace=0.0)
        raise
    see(events + tunnel.stop())
