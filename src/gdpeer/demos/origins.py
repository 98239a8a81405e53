"""Which web pages may connect to a demo: its own, under each name that this machine has.

A page of another site that a browser has open beside the demo's gets 403. Programs send no `Origin` and are let in.

Layer: `demos`, for the command line as well.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys

__all__ = ["DEFAULT_PORTS", "EVERYWHERE", "LOOPBACK", "local_addresses", "origin", "own_origins"]

LOOPBACK = "127.0.0.1"
"""Where the demos listen unless you say otherwise: programs on this machine reach it, nobody else does."""

EVERYWHERE = ("*", "0.0.0.0", "::")
"""Addresses to listen on that nobody can connect to."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""The ports that browsers leave out of an origin."""

GET_ADDRESS = 0x8915
"""Linux: SIOCGIFADDR, an interface's IPv4 address."""

OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation: a datagram socket that "connects" to one sends nothing, and knows its own address."""


def own_origins(host: str, port: int) -> list[str]:
    """The origins of a page that is served on `port` of `host`, under each name that leads there from a browser."""
    if host.startswith("unix:"):
        return []
    return list(dict.fromkeys(origin(name, port) for name in names(host)))


def origin(name: str, port: int, scheme: str = "http") -> str:
    """The origin as a browser writes it."""
    host = f"[{name}]" if ":" in name else name.lower()
    return f"{scheme}://{host}" if port == DEFAULT_PORTS.get(scheme) else f"{scheme}://{host}:{port}"


def names(host: str) -> list[str]:
    """What the host of the address bar can be."""
    here = ["localhost", "127.0.0.1", "::1"]
    if host in EVERYWHERE:
        name = socket.gethostname()
        return [*here, *local_addresses(), *(f"{name}{domain}" for domain in ("", ".local") if name)]
    return [*here, host] if is_loopback(host) else [host]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def local_addresses() -> list[str]:
    """This machine's addresses in its networks, the likeliest first; none without a network."""
    found = [*routed(), *of_interfaces(), *of_name()]
    return list(dict.fromkeys(text for text in found if can_be_reached(text)))


def can_be_reached(text: str) -> bool:
    """Whether others can connect to an address, and an address bar takes it: not loopback, and no link-local IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or (address.version == 6 and address.is_link_local))


def routed() -> list[str]:
    """The addresses that this machine sends from when it talks to the world."""
    found = []
    for family, address in OUTSIDE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            found.append(str(probe.getsockname()[0]))
    return found


def of_interfaces() -> list[str]:
    """On Linux the IPv4 address of each interface: the way to the world may lead through a tunnel, past the phone."""
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
    """What this machine's name stands for; Windows and macOS list all their addresses under it."""
    with contextlib.suppress(OSError, UnicodeError):
        return [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)]
    return []
