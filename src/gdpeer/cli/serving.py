"""Shared by the subcommands that open a port: their options, the addresses to print, and the end of the server.

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
from gdpeer.cli.options import Parsed, quoted
from gdpeer.demos.origins import DEFAULT_PORTS, EVERYWHERE, LOOPBACK, local_addresses, origin

__all__ = [
    "DRAIN",
    "GOING_AWAY",
    "TURN",
    "TYPING_TURN",
    "Place",
    "address",
    "check_listening",
    "page_addresses",
    "place_options",
    "resolve",
    "show_page_code",
]

GOING_AWAY = 1001
"""The close code of a server that goes down (RFC 6455 section 7.4.1)."""

TURN = 0.2
"""The most seconds that one poll waits, and so the longest delay of Ctrl-C."""

TYPING_TURN = 0.05
"""The most seconds that one poll waits while a person types, and so the longest delay of a typed line."""

DRAIN = 2.0
"""Seconds that peers have to answer the close."""

UNIX = "unix:"


class Place(NamedTuple):
    """Where a command listens, and which web pages may connect.

    Attributes:
        host: as given: an address, a name, or * for all addresses.
        lan: whether `--lan` opened the command to the network.
        origins: of web pages that may connect, besides the command's own page.
    """

    host: str
    lan: bool
    origins: tuple[str, ...]

    @property
    def bind_ip(self) -> str:
        """The address to listen on, for `WebSocketServer.bind_ip`."""
        return resolve(self.host)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--host`, `--lan` and `--origin` to a command, which gets them as one argument `place`."""

    @click.option("--host", show_default="localhost", help="Address to listen on; * for all addresses.")
    @click.option("--lan", is_flag=True, help="Let other machines connect, and show a QR code for phones.")
    @click.option("--origin", "origins", multiple=True, type=PAGE, help="Also let this web page connect; repeatable.")
    @functools.wraps(command)
    def run(host: str | None, lan: bool, origins: tuple[str, ...], **others: Any) -> Any:
        if lan and host is not None:
            raise click.UsageError("--lan and --host cannot be used together: --lan listens on all addresses")
        return command(place=Place("*" if lan else host or "localhost", lan, origins), **others)

    return run


def parse_origin(text: str) -> str:
    """Returns the origin that a browser sends for a page: `https://game.example` for `https://Game.example:443/play`.

    Raises:
        ValueError: the address is not that of a web page.
    """
    try:
        url = urlsplit(text)
        port = url.port
        is_page = url.scheme in DEFAULT_PORTS and bool(url.hostname)
    except ValueError:
        is_page = False
    if not is_page:
        raise ValueError(f"expected a page such as https://game.example, got {quoted(text)}")
    return origin(str(url.hostname), DEFAULT_PORTS[url.scheme] if port is None else port, url.scheme)


PAGE = Parsed("url", parse_origin)


def resolve(host: str) -> str:
    """Returns the address for a `--host`, which may be a name; servers take addresses only.

    Raises:
        Failure: the name is unknown.
    """
    if host in EVERYWHERE or host.startswith(UNIX) or is_address(host):
        return host
    if host == "localhost":
        return LOOPBACK  # 127.0.0.1 reaches all clients: those that try ::1 first try this address next
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:  # UnicodeError: the name cannot be encoded for DNS
        raise Failure(f"cannot listen on {host}: {getattr(error, 'strerror', None) or error}") from error


def is_address(host: str) -> bool:
    """Returns whether `host` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_listening(server: WebSocketServer, error: Error) -> None:
    """Checks the result of `server.listen`.

    Raises:
        Failure: the result is not OK; the message says why the port cannot be opened.
    """
    if error != Error.OK:
        raise Failure(server.get_listen_error())


def address(scheme: str, host: str, port: int, path: str = "/") -> str:
    """Returns the URL that reaches a listening server from the same machine."""
    if host.startswith(UNIX):
        return host
    reached = "localhost" if host in EVERYWHERE else host
    return f"{scheme}://{f'[{reached}]' if ':' in reached else reached}:{port}{path}"


def page_addresses(host: str, port: int) -> list[tuple[str, str]]:
    """Returns the addresses of a server's page with a label each: for this machine, and for others if `host` is *."""
    rows = [("In a browser:", address("http", host, port))]
    if host in EVERYWHERE:
        rows += [("On this network:", address("http", outside, port)) for outside in local_addresses()]
    return rows


def show_page_code(place: Place, port: int) -> None:
    """Prints the page's address as a QR code with `--lan`, else a hint at `--lan`."""
    if not place.lan:
        if place.bind_ip == LOOPBACK:
            click.echo("Only this machine can connect. Use --lan to let other machines connect.")
        return
    addresses = local_addresses()
    if not addresses:
        click.echo("This machine has no network address for other machines.")
        return
    print_code(address("http", addresses[0], port))


def print_code(text: str) -> None:
    """Prints a QR code of half blocks, or of coloured spaces if the output's encoding has no half blocks."""
    try:
        import segno
    except ImportError:
        click.echo('The QR code needs segno: pip install "gdpeer[cli]"')
        return
    # The smallest code that phones read: they do not know Micro QR, and a screen needs no error correction.
    code = segno.make(text, error="l", micro=False)
    code.terminal(sys.stdout, compact=can_show("\u2580"))
    sys.stdout.flush()


def can_show(character: str) -> bool:
    """Returns whether standard output's encoding has a character."""
    try:
        character.encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True
