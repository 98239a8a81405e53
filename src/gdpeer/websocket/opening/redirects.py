"""Redirects: the next request of a client, and the headers that go along.

| what | rule |
|---|---|
| followed | 301, 302, 303, 307, 308 with one `Location`, as often as `max_redirects` says |
| `Location` | `ws`, `wss`, `http` (as `ws`), `https` (as `wss`), or relative to the URL that was asked |
| refused | any other scheme, user info, a fragment, more than `MAX_LOCATION` bytes, from `wss` to `ws` |
| another origin (scheme, host or port differ) | headers of `SECRETS` are left out, from then on, on the way back too |
| a name that the certificate must have instead of the host | counts at the origin of the first URL only |

Layer: `websocket`; pure. Source: RFC 6455 section 4.1; RFC 9110 section 10.2.2 and 15.4; RFC 3986 section 5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from gdpeer.protocol.url import Url, parse_url

__all__ = ["MAX_LOCATION", "SECRETS", "STATUSES", "Hop", "first_hop", "next_hop"]

STATUSES = frozenset({301, 302, 303, 307, 308})

MAX_LOCATION = 8_000
"""Bytes of a `Location`: what RFC 9110 section 4.1 wants everybody to take at least."""

SECRETS = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that are meant for one origin, in lower case."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_ASCII = re.compile(r"[!-~]+")

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a client.

    Attributes:
        url: the target.
        fields: the client's own headers. `repr` hides the headers, as they may hold secrets.
        home: the target of the first request.
        number: how many redirects led here.
    """

    url: Url
    fields: Fields
    home: Url
    number: int = 0

    def is_home(self) -> bool:
        """Whether the target has the origin of the first request's target."""
        return self.url.origin == self.home.origin

    def __repr__(self) -> str:
        return f"<Hop {self.number} to {self.url.authority}>"


def first_hop(url: Url, fields: Sequence[tuple[str, str]]) -> Hop:
    """Returns the request to the URL that the program gave, with all headers."""
    return Hop(url, tuple(fields), url)


def next_hop(hop: Hop, locations: Sequence[str], most: int) -> Hop:
    """Returns the request that follows the redirect of `hop`, with the values of all `Location` headers.

    Raises:
        ValueError: the redirect must not be followed, for example after `most` redirects. The text says why.
    """
    if hop.number >= most:
        raise ValueError(f"more than {most} redirects (max_redirects)" if most else "max_redirects is 0")
    url = _resolve(hop.url, locations)
    if hop.url.secure and not url.secure:
        raise ValueError("it leads from wss to ws")
    is_known = url.origin == hop.url.origin
    fields = tuple(field for field in hop.fields if is_known or field[0].lower() not in SECRETS)
    return Hop(url, fields, hop.home, hop.number + 1)


def _resolve(base: Url, locations: Sequence[str]) -> Url:
    location = locations[0] if len(locations) == 1 else ""
    if len(location) > MAX_LOCATION:
        raise ValueError(f"its Location is longer than {MAX_LOCATION} bytes")
    if not _ASCII.fullmatch(location):
        raise ValueError("it has no Location, several, or one that is no URL")
    if "#" in location:
        raise ValueError("its Location has a fragment")
    text = _absolute(base, location)
    if "@" in text.split("/", 3)[2].partition("?")[0]:
        raise ValueError("its Location has user info")
    try:
        return parse_url(text)
    except ValueError:
        raise ValueError("its Location is not the URL of a WebSocket") from None


def _absolute(base: Url, location: str) -> str:
    """Returns an absolute URL with the scheme `ws` or `wss`."""
    scheme = _SCHEME.match(location)
    if scheme is not None:
        known = _SCHEMES.get(scheme[1].lower())
        rest = location[scheme.end() :]
        if known is None or not rest.startswith("//"):
            raise ValueError("its Location is neither ws, wss, http nor https")
        return f"{known}:{rest}"
    try:
        return urljoin(str(base), location)
    except ValueError:
        raise ValueError("its Location is not the URL of a WebSocket") from None
