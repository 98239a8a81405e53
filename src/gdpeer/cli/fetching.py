"""Sends one HTTP request to a running server, for the subcommands that ask its pages.

Layer: `cli`.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult

from gdpeer.cli.failure import Failure
from gdpeer.quoting import redact
from gdpeer.transport.tls import client_context
from gdpeer.websocket.tls_options import TLSOptions, pem_of

__all__ = ["SCHEMES", "fetch"]

SCHEMES = {"http": False, "ws": False, "https": True, "wss": True}
"""Whether each scheme has TLS; the pages are on the port of the WebSocket server."""
TIMEOUT = 10.0
MOST_BODY = 64 * 1024 * 1024
"""Bytes of the longest answer."""


def fetch(
    url: SplitResult,
    target: str,
    headers: Mapping[str, str],
    tls: TLSOptions | None,
    method: str = "GET",
    body: str | None = None,
    timeout: float = TIMEOUT,
) -> tuple[int, bytes]:
    """Sends a request, and returns the status and the body of the answer.

    Args:
        url: of the server; only its scheme, host and port are used.
        target: path and query of the request.
        headers: of the request.
        tls: for `https` and `wss`; None trusts the machine's certificate authorities.
        method: GET or POST.
        body: of the request; None without.
        timeout: seconds to wait for each part of the answer.

    Raises:
        Failure: the server cannot be reached, or its answer is too long.
    """
    connection = _connection(url, tls, timeout)
    try:
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        found = response.read(MOST_BODY + 1)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Failure(f"cannot reach {redact(url.geturl())}: {reason}") from error
    finally:
        connection.close()
    if len(found) > MOST_BODY:
        raise Failure(f"the answer of {redact(url.geturl())} is longer than {MOST_BODY} bytes")
    return response.status, found


def _connection(url: SplitResult, tls: TLSOptions | None, timeout: float) -> http.client.HTTPConnection:
    host, port = url.hostname or "", url.port
    if not SCHEMES[url.scheme]:
        return http.client.HTTPConnection(host, port, timeout=timeout)
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=_context(tls))


def _context(tls: TLSOptions | None) -> ssl.SSLContext:
    if tls is None:
        return client_context()
    chain = tls.get_trusted_ca_chain()
    is_safe = not tls.is_unsafe_client()
    return client_context(verify=is_safe, trusted=None if chain is None else pem_of(chain))
