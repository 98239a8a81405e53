"""The URLs of WebSocket: `ws://host[:port]/path?query`, as the engine reads them.

Layer: `protocol`. Source: RFC 6455 section 3; reference godot-api section 3 (no scheme counts as `ws`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote

__all__ = ["SAFE", "Url", "parse_url"]

_PATTERN = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://)?(\[[^\[\]/?#]*\]|[^\[\]:/?#]*)(?::([0-9]+|(?!//)))?([/?][^#]*)?(?:#.*)?",
    re.DOTALL,
)
_FORBIDDEN = re.compile(r"[\s@:/?#\\%<>\"^`{|}\[\]\x00-\x1f\x7f]")
SAFE = "/?%!$&'()*+,;=:@-._~[]|"  # what may stay as it is in a request's target


@dataclass(frozen=True, slots=True)
class Url:
    """Where to connect to.

    Attributes:
        secure: `wss`.
        host: a name in its ASCII form or an address; an IPv6 address without its brackets.
        port: 1-65535.
        target: path and query as the request line carries them; at least "/".
    """

    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The `Host` header: the port is left out only where it is the scheme's own."""
        # A zone means something on this machine only (RFC 6874 section 4).
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What two URLs of one server have in common: `wss` or not, the host in lower case, the port."""
        return self.secure, self.host.lower(), self.port

    def __str__(self) -> str:
        """As `parse_url` reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.secure else 'ws'}://{host}:{self.port}{self.target}"


def parse_url(text: str) -> Url:
    """Read a URL.

    Raises:
        ValueError: it is none, or its scheme is not ws or wss; the text says why.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a WebSocket URL: {text!r}")
    scheme, host, port, target = (part or "" for part in match.groups())
    if scheme.lower() not in ("", "ws", "wss"):
        raise ValueError(f"the scheme must be ws or wss, not {scheme!r}")
    secure = scheme.lower() == "wss"
    number = int(port.lstrip("0")[:6] or 0) if port else (443 if secure else 80)
    if not 1 <= number <= 65535:
        raise ValueError(f"the port must be 1 to 65535, not {port}")
    if not target.startswith("/"):
        target = "/" + target
    return Url(secure, _ascii_host(host), number, quote(target, safe=SAFE))


def _ascii_host(host: str) -> str:
    if host.startswith("["):
        return _ipv6(host[1:-1])
    if not host or _FORBIDDEN.search(host):
        raise ValueError(f"not a host name: {host!r}")
    if host.isascii():
        return host
    try:
        return _ascii_host(host.encode("idna").decode())  # what becomes of it may be none
    except UnicodeError:
        raise ValueError(f"not a host name: {host!r}") from None


def _ipv6(address: str) -> str:
    """An IPv6 address; a zone (`fe80::1%eth0`) is kept for connecting."""
    bare, percent, zone = address.partition("%")
    try:
        IPv6Address(bare)
    except ValueError:
        raise ValueError(f"not an IPv6 address: {address!r}") from None
    if percent and not re.fullmatch(r"[\w.\-]+", zone, re.ASCII):
        raise ValueError(f"not an IPv6 address: {address!r}")
    return address
