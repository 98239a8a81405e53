"""Tokens in the header `Authorization: Bearer`, which open pages that are not for everybody.

Browsers send this header for no page of another site, so a stranger's page cannot use an operator's browser.

Layer: `http`; pure.
"""

from __future__ import annotations

import hmac

from gdpeer.protocol.http_headers import Request

__all__ = ["LEAST_TOKEN", "bearer_of", "check_token", "is_token"]

LEAST_TOKEN = 16
"""Characters of the shortest token."""


def check_token(token: str, owner: str = "the monitor") -> str:
    """Returns a token if it is long enough, and can stand in a header.

    Args:
        token: as given.
        owner: that the token opens, for the error.

    Raises:
        ValueError: it is not. The text does not repeat the token.
    """
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            f"{owner}'s token needs at least {LEAST_TOKEN} ASCII characters without blanks. "
            "Make one with: openssl rand -hex 16"
        )
    return token


def bearer_of(request: Request) -> str:
    """Returns the token of the header `Authorization: Bearer`; "" without one."""
    kind, _, token = request.headers.get("authorization").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def is_token(given: str, token: str) -> bool:
    """Returns whether a text is the token. Takes the same time for every wrong text."""
    return bool(token) and hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
