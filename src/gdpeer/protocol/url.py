"""Reads the URLs of WebSocket as the engine does: `ws://[user:password@]host[:port]/path?query`.

The engine drops user and password. `websockets` sends them as Basic authentication, and so do the functions of gdpeer
that accept the calls of `websockets` (`gdpeer.fronts`). No text here repeats a part of a URL that may hold a secret.

Layer: `protocol`. Source: RFC 6455 section 3; reference godot-api section 3 (no scheme counts as `ws`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from urllib.parse import quote, unquote

from gdpeer.quoting import redact

__all__ = ["SAFE", "Url", "parse_url"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_SCHEME = r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://)?"
_USER = r"(?:([^/?#]*)@)?"
_PLACE = r"(\[[^\[\]/?#@]*\]|[^\[\]:/?#@]*)(?::([0-9]+|(?!//)))?([/?][^#]*)?(?:#.*)?"
_PATTERN = re.compile(f"{_SCHEME}(){_PLACE}", re.DOTALL)
_WITH_USER = re.compile(_SCHEME + _USER + _PLACE, re.DOTALL)  # apart, as it backtracks
_FORBIDDEN = re.compile(r"[\s@:/?#\\%<>\"^`{|}\[\]\x00-\x1f\x7f]")
SAFE = "/?%!$&'()*+,;=:@-._~[]|"  # characters of a request's target that are not percent-encoded


@dataclass(frozen=True, slots=True)
class Url:
    """The address of a WebSocket server.

    Attributes:
        secure: whether the scheme is `wss`.
        host: a name in its ASCII form or an address; an IPv6 address without its brackets.
        port: 1-65535.
        target: path and query as the request line carries them; at least "/".
        user, password: without percent-encoding; "" if absent. `repr` hides both, and comparisons ignore them.
    """

    secure: bool
    host: str
    port: int
    target: str
    user: str = field(default="", repr=False, compare=False)
    password: str = field(default="", repr=False, compare=False)

    @property
    def authority(self) -> str:
        """The `Host` header: without the port if that is the scheme's own."""
        # A zone has a meaning on this machine only (RFC 6874 section 4), so the server does not get it.
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """The parts that all URLs of one server share: `wss` or not, the host in lower case, the port."""
        return self.secure, self.host.lower(), self.port

    def __str__(self) -> str:
        """Returns a URL that `parse_url` reads, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.secure else 'ws'}://{host}:{self.port}{self.target}"


def parse_url(text: str) -> Url:
    """Reads a URL.

    Raises:
        ValueError: the text is not a URL, or its scheme is not ws or wss. The error gives the reason, and repeats no
            part
            that may be a secret.
    """
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("not a WebSocket URL: half of a surrogate pair is in it, which is no character")
    match = (_WITH_USER if "@" in text else _PATTERN).fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a WebSocket URL: {redact(text)!r}")
    scheme, user_info, host, port, target = match.groups("")
    kind = scheme.lower()
    if kind not in ("", "ws", "wss"):
        raise ValueError(f"the scheme must be ws or wss, not {scheme!r}")
    secure = kind == "wss"
    # Cut long numbers: Python refuses to read more than 4,300 digits.
    number = int(port.lstrip("0")[:6] or 0) if port else (443 if secure else 80)
    if not 1 <= number <= 65535:
        raise ValueError(f"the port must be 1 to 65535, not {_shown(port, text)}")
    target = _quoted(target) if target else "/"
    try:
        name = _ascii_host(host)
    except ValueError as problem:
        raise ValueError(f"{problem}: {_shown(repr(host), text)}") from None
    if not user_info:
        return Url(secure, name, number, target)
    user, _, password = user_info.partition(":")
    return Url(secure, name, number, target, unquote(user), unquote(password))


def _quoted(target: str) -> str:
    """Returns path and query as the request line carries them."""
    return target if target == "/" else quote(target if target.startswith("/") else "/" + target, safe=SAFE)


def _shown(part: str, text: str) -> str:
    """Returns a part of a URL for an error text; "***" if the URL may hold a password, which any part may contain."""
    return "***" if "@" in text else part


def _ascii_host(host: str) -> str:
    if host.startswith("["):
        return _ipv6(host[1:-1])
    if not host or _FORBIDDEN.search(host):
        raise ValueError("not a host name")
    if host.isascii():
        return host
    # Imported here, as few URLs need it.
    from gdpeer.protocol.idna import to_ascii

    # The mapping can make a forbidden character of an allowed one, so check the result as well.
    found = _ascii_host(to_ascii(host))
    if any(not 0 < len(label) < 64 for label in found.removesuffix(".").split(".")):
        raise ValueError("not a host name: its parts have 1 to 63 characters")
    return found


def _ipv6(address: str) -> str:
    """Checks an IPv6 address. A zone (`fe80::1%eth0`) is kept for connecting."""
    bare, percent, zone = address.partition("%")
    try:
        IPv6Address(bare)
    except ValueError:
        raise ValueError("not an IPv6 address") from None
    if percent and not re.fullmatch(r"[\w.\-]+", zone, re.ASCII):
        raise ValueError("not an IPv6 address")
    return address
