"""What the subcommands that serve have in common: where to listen, a clear refusal, and an end that peers see.

Layer: `cli`.
"""

from __future__ import annotations

import ipaddress
import socket

from gdpeer import Error, WebSocketServer
from gdpeer.cli.failure import Failure

__all__ = [
    "DRAIN",
    "EVERYWHERE",
    "TURN",
    "TYPING_TURN",
    "address",
    "check_listening",
    "drain",
    "page_addresses",
    "resolve",
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

EVERYWHERE = ("*", "0.0.0.0", "::")
"""Addresses to listen on that nobody can connect to."""


def resolve(host: str) -> str:
    """The address to listen on for `--host`; servers take addresses only, people say `localhost`.

    Raises:
        Failure: the name is not known.
    """
    if host in EVERYWHERE or host.startswith(UNIX) or is_address(host):
        return host
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


def local_address() -> str:
    """This machine's address in its network, for the phone beside it; "" when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses the way
        except OSError:
            return ""
        found = str(probe.getsockname()[0])
    return "" if found.startswith("127.") else found


def page_addresses(host: str, port: int) -> list[tuple[str, str]]:
    """What to call the addresses of a server's page, and where they are: on this machine, and for others."""
    rows = [("In a browser:", address("http", host, port))]
    if host in EVERYWHERE and (outside := local_address()):
        rows.append(("On this network:", address("http", outside, port)))
    return rows


def drain(server: WebSocketServer, reason: str = "Server stopped") -> None:
    """Close every peer with 1001, give them up to two seconds to answer, and stop."""
    server.stop(GOING_AWAY, reason, grace=DRAIN)
