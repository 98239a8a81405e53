"""Chooses the proxy of a connection: the given proxy, the environment's, or no proxy.

The order is that of `websockets` 15: for `wss` the variables `wss_proxy`, `socks_proxy`, `https_proxy`; for `ws`
`ws_proxy`, `socks_proxy`, `https_proxy`, `http_proxy`; then `all_proxy`. `no_proxy` takes hosts out. The standard
library reads them (and the system's settings on Windows and macOS), and leaves `HTTP_PROXY` out under CGI, where a
stranger sets it.

Layer: `websocket`.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

from gdpeer.protocol.url import Url

if TYPE_CHECKING:
    from gdpeer.transport.proxy import Proxy

__all__ = ["choose_proxy"]


def choose_proxy(choice: str | bool, url: Url) -> Proxy | None:
    """Returns the proxy on the way to `url`; None: no proxy.

    Raises:
        TransportError: the environment's proxy cannot be used.
    """
    text = choice if isinstance(choice, str) else ""
    if choice is True and not _is_loopback(url.host):
        text = _of_environment(url)
    if not text:
        return None
    from gdpeer.transport.proxy import parse_proxy, proxy_failure

    try:
        return parse_proxy(text)
    except ValueError as problem:
        raise proxy_failure(f"that of the environment cannot be used: {problem}") from None


def _of_environment(url: Url) -> str:
    if sys.platform not in ("win32", "darwin") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""  # the module below takes its time to import
    from urllib.request import getproxies, proxy_bypass

    host = f"[{url.host}]" if ":" in url.host else url.host
    if proxy_bypass(f"{host}:{url.port}"):
        return ""
    found = getproxies()
    for scheme in ("wss", "socks", "https", "all") if url.secure else ("ws", "socks", "https", "http", "all"):
        if text := found.get(scheme, ""):
            # The standard library takes a value without a scheme for http.
            is_bare = scheme == "socks" and ("://" not in text or text.startswith("http://"))
            return "socks5h://" + text.rpartition("://")[2] if is_bare else text
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")
