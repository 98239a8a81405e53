"""PROXY protocol, version 2: a proxy in front of a server tells from which address a connection comes.

    size = header_size(head)            of the first 16 bytes: how many follow
    address = read_address(head, rest)  the client's; None: the proxy speaks for itself

`gdpeer.transport.proxied` reads the header of an accepted connection.

Layer: `transport`; pure. Source: HAProxy's `proxy-protocol.txt`, section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gdpeer.errors import Cause, TransportError
from gdpeer.transport.stream import Address

__all__ = ["HEAD", "SIGNATURE", "Proxies", "header_size", "read_address"]

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HEAD = 16
"""Bytes of the part that all headers have."""

MOST_REST = 4_096
"""Bytes that may follow: the addresses take at most 216, and a proxy may add a TLS certificate's names."""

UNIX = "unix"
"""Stands for all programs of this machine that connect by a Unix socket."""

_LOCAL, _PROXY = 0x20, 0x21
_FAMILIES: dict[int, tuple[type[IPv4Address] | type[IPv6Address], int]] = {
    0x11: (IPv4Address, 4),
    0x21: (IPv6Address, 16),
}
"""TCP over IPv4 and IPv6, with the bytes of an address. The addresses of other families do not count."""

_WRONG = "the proxy sent no header of PROXY protocol version 2 (HAProxy: send-proxy-v2)"


def header_size(head: bytes | bytearray) -> int:
    """Returns how many bytes of a header follow its first 16.

    Raises:
        TransportError: this is no header of version 2, or it is too long.
    """
    if not head.startswith(SIGNATURE) or head[12] not in (_LOCAL, _PROXY):
        raise TransportError(_WRONG, Cause.TCP)
    size = int.from_bytes(head[14:16], "big")
    if size > MOST_REST:
        raise TransportError(f"the header of the proxy has {size} bytes; at most {MOST_REST} are allowed", Cause.TCP)
    return size


def read_address(head: bytes | bytearray, rest: bytes | bytearray) -> Address | None:
    """Returns the address of the client; None if the proxy itself connects, or does not know the client.

    Raises:
        TransportError: the header is shorter than its addresses.
    """
    family = _FAMILIES.get(head[13])
    if head[12] == _LOCAL or family is None:
        return None
    kind, size = family
    if len(rest) < 2 * size + 4:
        raise TransportError("the header of the proxy is shorter than its addresses", Cause.TCP)
    found = kind(bytes(rest[:size]))
    plain = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(plain or found), int.from_bytes(rest[2 * size : 2 * size + 2], "big")


class Proxies:
    """The proxies that a server trusts.

    Args:
        networks: addresses and networks in numbers, as "10.0.0.0/8"; "unix" stands for Unix sockets.

    Raises:
        ValueError: one of them is neither.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        given = tuple(networks)
        self._networks = [ip_network(one) for one in given if one != UNIX]
        self._has_unix = UNIX in given

    def trust(self, address: Address) -> bool:
        """Whether a connection from an address is one of a trusted proxy."""
        host, port = address
        try:
            found = ip_address(host.partition("%")[0])
        except ValueError:  # of a Unix socket
            return self._has_unix and not port
        return any(found in network for network in self._networks if network.version == found.version)
