"""`Address`: the URL of a broker, and what may be said of it.

    address = Address("redis://ann:secret@host:6379/0")
    address.shown                       redis://***@host:6379/0: for logs and errors
    address.clean("bad pair ann:secret")        bad pair ***:***

Layer: `cluster`; pure.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from gdpeer.quoting import HIDDEN, clean, redact

__all__ = ["Address", "check_namespace"]

NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,32}")


def check_namespace(namespace: str) -> str:
    """Returns a namespace of the broker if all brokers can have it.

    Raises:
        ValueError: it is not 1 to 32 letters, digits, "-" and "_".
    """
    if not NAMESPACE.fullmatch(namespace):
        raise ValueError("the namespace must be 1 to 32 letters, digits, '-' or '_'")
    return namespace


class Address:
    """The URL of a broker. Neither `repr` nor any error shows its secrets.

    Args:
        url: of one server, or of several that are separated by commas.

    Attributes:
        urls: all URLs, with their secrets.
        scheme: of the first URL, in lower case.
        options: the query of the last URL, by name.
        hosts: of all URLs.
        shown: the URLs without their secrets.

    Raises:
        ValueError: the URL has no host, or a wrong port.
    """

    def __init__(self, url: str) -> None:
        self.urls = [part.strip() for part in url.split(",")]
        self.shown = ",".join(redact(part) for part in self.urls)
        self.hosts: list[str] = []
        self._secrets: set[str] = set()
        for part in self.urls:
            self._take_apart(part)
        self.scheme = urlsplit(self.urls[0]).scheme
        self.options = {name: values[-1] for name, values in parse_qs(urlsplit(self.urls[-1]).query).items()}

    def _take_apart(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port  # the port raises if it is no number below 65,536
        except ValueError:
            raise self._wrong() from None
        if not host:
            raise self._wrong()
        self.hosts.append(host)
        for secret in (parts.username, parts.password):
            if secret:
                self._secrets |= {secret, unquote(secret)}

    def _wrong(self) -> ValueError:
        return ValueError(f"{clean(self.shown)}: the URL of the broker needs a host and a port, such as host:6379")

    @property
    def is_here(self) -> bool:
        """Whether all servers are on this machine, as far as their names say."""
        return all(map(_is_here, self.hosts))

    def clean(self, text: object) -> str:
        """Returns a text of a library or a server without the secrets of the URL, fit for a log."""
        found = str(text)
        for secret in sorted(self._secrets, key=len, reverse=True):
            found = found.replace(secret, HIDDEN)
        return clean(found)

    def __repr__(self) -> str:
        return f"<Address {self.shown}>"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
