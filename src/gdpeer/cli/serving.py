"""What the subcommands that serve have in common: where to listen, a clear refusal, and an end that peers see.

Layer: `cli`.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import sys
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click

from gdpeer import Error, WebSocketServer
from gdpeer.cli.failure import Failure
from gdpeer.cli.options import quoted
from gdpeer.demos.origins import DEFAULT_PORTS, EVERYWHERE, LOOPBACK, local_addresses, origin

__all__ = [
    "DRAIN",
    "TURN",
    "TYPING_TURN",
    "Place",
    "address",
    "check_listening",
    "drain",
    "page_addresses",
    "place_options",
    "resolve",
    "show_page_code",
]

GOING_AWAY = 1001
"""RFC 6455 section 7.4.1: what a server says that goes down."""

TURN = 0.2
"""Seconds that one poll waits at most: as late can a signal be noticed."""

TYPING_TURN = 0.05
"""The same where somebody types: as late can a line be noticed."""

DRAIN = 2.0
"""Seconds that peers have to answer the close."""

UNIX = "unix:"


class Place(NamedTuple):
    """Where a command listens, and for whom.

    Attributes:
        host: as it was given: an address, a name, or * for all addresses.
        lan: whether `--lan` opened it to the network.
        origins: web pages that may connect besides the command's own.
    """

    host: str
    lan: bool
    origins: tuple[str, ...]

    @property
    def bind_ip(self) -> str:
        """The address to listen on."""
        return resolve(self.host)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--host`, `--lan` and `--origin` to a command, which gets all of them as `place`."""

    @functools.wraps(command)
    def run(host: str | None, lan: bool, origins: tuple[str, ...], **others: Any) -> Any:
        if lan and host is not None:
            raise click.UsageError("--lan and --host exclude each other: --lan listens on all addresses")
        return command(place=Place("*" if lan else host or "localhost", lan, origins), **others)

    options = (
        click.option("--host", show_default="localhost", help="Address to listen on; * for all."),
        click.option("--lan", is_flag=True, help="Let your network connect, and show a QR code for phones."),
        click.option(
            "--origin",
            "origins",
            multiple=True,
            callback=parse_origins,
            metavar="URL",
            help="Let this web page connect too; repeatable.",
        ),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), run)


def parse_origins(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send them, from addresses as people copy them."""
    return tuple(parse_origin(text) for text in value)


def parse_origin(text: str) -> str:
    """`https://Game.example:443/play` is the origin `https://game.example`."""
    try:
        url = urlsplit(text)
        port = url.port
        is_page = url.scheme in DEFAULT_PORTS and bool(url.hostname)
    except ValueError:
        is_page = False
    if not is_page:
        raise click.BadParameter(f"expected a page such as https://game.example, got {quoted(text)}")
    return origin(str(url.hostname), DEFAULT_PORTS[url.scheme] if port is None else port, url.scheme)


def resolve(host: str) -> str:
    """The address to listen on for `--host`; servers take addresses only, people say `localhost`.

    Raises:
        Failure: the name is not known.
    """
    if host in EVERYWHERE or host.startswith(UNIX) or is_address(host):
        return host
    if host == "localhost":
        return LOOPBACK  # clients that look for ::1 first try this one next; those without IPv6 have only this one
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise Failure(f"cannot listen on {host}: {getattr(error, 'strerror', None) or error}") from error


def is_address(host: str) -> bool:
    """Whether `host` is an address in numbers."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_listening(server: WebSocketServer, error: Error) -> None:
    """Raise `Failure` when `server.listen` returned anything but OK."""
    if error != Error.OK:
        raise Failure(server.get_listen_error())


def address(scheme: str, host: str, port: int, path: str = "/") -> str:
    """The URL under which a listening server is reached on the same machine."""
    if host.startswith(UNIX):
        return host
    reached = "localhost" if host in EVERYWHERE else host
    return f"{scheme}://{f'[{reached}]' if ':' in reached else reached}:{port}{path}"


def page_addresses(host: str, port: int) -> list[tuple[str, str]]:
    """What to call the addresses of a server's page, and where they are: on this machine, and for others."""
    rows = [("In a browser:", address("http", host, port))]
    if host in EVERYWHERE:
        rows += [("On this network:", address("http", outside, port)) for outside in local_addresses()]
    return rows


def show_page_code(place: Place, port: int) -> None:
    """With `--lan`: the page's address as a QR code, for the camera of a phone; without it, how to get there."""
    if not place.lan:
        if place.bind_ip == LOOPBACK:
            click.echo("Only this machine can connect; --lan opens it to your network.")
        return
    addresses = local_addresses()
    if not addresses:
        click.echo("This machine is in no network: there is no address for others.")
        return
    print_code(address("http", addresses[0], port))


def print_code(text: str) -> None:
    """Print a QR code: in half blocks, or in colours where the output cannot show those."""
    try:
        import segno
    except ImportError:
        click.echo('The QR code needs segno: pip install "gdpeer[cli]"')
        return
    code = segno.make(text, error="l", micro=False)
    code.terminal(sys.stdout, compact=can_show("\u2580"))
    sys.stdout.flush()


def can_show(character: str) -> bool:
    """Whether standard output's encoding has a character."""
    try:
        character.encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def drain(server: WebSocketServer, reason: str = "Server stopped") -> None:
    """Close every peer with 1001, give them up to two seconds to answer, and stop."""
    server.stop(GOING_AWAY, reason, grace=DRAIN)
