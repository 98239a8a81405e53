"""The web pages that may connect to a demo: the demo's own page, under each name of this machine.

A page of another site gets status 403. Programs send no `Origin` header and may connect.

Layer: `demos`; the command line uses this module too.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys

__all__ = ["DEFAULT_PORTS", "EVERYWHERE", "LOOPBACK", "local_addresses", "origin", "own_origins"]

LOOPBACK = "127.0.0.1"
"""The default address of the demos. Only programs on this machine can reach it."""

EVERYWHERE = ("*", "0.0.0.0", "::")
"""Addresses that stand for all addresses of this machine. No client can connect to these literally."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""The ports that browsers leave out of an origin."""

GET_ADDRESS = 0x8915
"""SIOCGIFADDR of Linux: the request for an interface's IPv4 address."""

OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses reserved for documentation, to find the own address: connecting a UDP socket to one sends nothing."""


def own_origins(host: str, port: int) -> list[str]:
    """Returns the origins of a page on this server, one for each name that a browser can use.

    Args:
        host: the address that the server listens on; a Unix socket has no origins.
        port: of the server.
    """
    if host.startswith("unix:"):
        return []
    return list(dict.fromkeys(origin(name, port) for name in names(host)))


def origin(name: str, port: int, scheme: str = "http") -> str:
    """Returns an origin as a browser writes it: lower case, without the scheme's default port."""
    host = f"[{name}]" if ":" in name else name.lower()
    return f"{scheme}://{host}" if port == DEFAULT_PORTS.get(scheme) else f"{scheme}://{host}:{port}"


def names(host: str) -> list[str]:
    """Returns the names and addresses that a browser can use to reach a server that listens on `host`."""
    here = ["localhost", "127.0.0.1", "::1"]
    if host in EVERYWHERE:
        name = socket.gethostname()
        return [*here, *local_addresses(), *(f"{name}{domain}" for domain in ("", ".local") if name)]
    return [*here, host] if is_loopback(host) else [host]


def is_loopback(host: str) -> bool:
    """Returns whether only this machine can reach `host`."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def local_addresses() -> list[str]:
    """Returns this machine's addresses in its networks, the likeliest to be reached first."""
    found = [*routed(), *of_interfaces(), *of_name()]
    return list(dict.fromkeys(text for text in found if can_be_reached(text)))


def can_be_reached(text: str) -> bool:
    """Returns whether other machines can connect to an address, and a browser's address bar takes it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or (address.version == 6 and address.is_link_local))


def routed() -> list[str]:
    """Returns the addresses that this machine sends from when it connects to the internet."""
    found = []
    for family, address in OUTSIDE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            found.append(str(probe.getsockname()[0]))
    return found


def of_interfaces() -> list[str]:
    """Returns the IPv4 address of each interface; only on Linux."""
    # With a VPN the address of `routed` is that of the VPN, which a phone on the local network cannot reach.
    if sys.platform != "linux":
        return []
    import fcntl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe.fileno(), GET_ADDRESS, struct.pack("256s", name.encode()))
                found.append(socket.inet_ntoa(answer[20:24]))
    return found


def of_name() -> list[str]:
    """Returns the addresses of this machine's name. Windows and macOS list all their addresses there."""
    with contextlib.suppress(OSError, UnicodeError):
        return [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)]
    return []
