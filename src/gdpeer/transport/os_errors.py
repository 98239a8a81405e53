"""Describes the system's errors in plain words, the same on every system, each in one line.

Layer: `transport`.
"""

from __future__ import annotations

import errno
import os
import sys

from gdpeer.errors import Cause, Error, TransportError
from gdpeer.platform import IN_PAGE

__all__ = ["broken", "check_for_sockets", "explain", "not_watched", "on_android", "permission_hint", "reason"]

_WORDS = {
    "EACCES": "permission denied",
    "EADDRINUSE": "the address is in use",
    "EADDRNOTAVAIL": "this machine does not have the address",
    "EAFNOSUPPORT": "this machine does not have the address family",
    "EBADF": "closed by this side",
    "ECONNABORTED": "aborted",
    "ECONNREFUSED": "connection refused",
    "ECONNRESET": "reset by the other side",
    "EHOSTUNREACH": "no route to the host",
    "EMFILE": "too many open files in this process",
    "ENETUNREACH": "network unreachable",
    "ENFILE": "too many open files on this machine",
    "ENOENT": "no such file",
    "EPERM": "not permitted",
    "EPIPE": "closed by the other side",
    "ETIMEDOUT": "no answer",
}
_BY_NUMBER = {
    getattr(errno, prefix + name): words
    for name, words in _WORDS.items()
    for prefix in ("", "WSA")  # Windows has numbers of its own for sockets
    if hasattr(errno, prefix + name)
}

ANDROID_HINT = (
    "the app lacks Android's INTERNET permission (android.permission.INTERNET): add INTERNET to android.permissions in "
    'Buildozer\'s buildozer.spec, or set permission."android.permission.INTERNET" = true for Briefcase, '
    "or tick Internet under Permissions in Godot's Android export preset"
)

# Both causes give the same certificates, so the text has to name both.
_GAP = "the certificate comes from an unknown authority (or the server leaves out those between it and a known one)"
_NO_AUTHORITY = "one that signed in the chain is no authority"
_WEAK_KEY = "the certificate's key is too weak"
_WEAK_AUTHORITY = "the key of an authority in the chain is too weak"
_WEAK_SIGNATURE = "a signature in the chain is too weak"

REFUSED_CERTIFICATES = {
    2: "the certificate comes from an unknown authority",
    9: "the certificate is not valid yet (or the clock of this machine is wrong)",
    10: "the certificate has expired (or the clock of this machine is wrong)",
    18: "the certificate is self-signed and not among the trusted ones",
    19: "the certificate comes from an unknown authority (its root is self-signed and not among the trusted ones)",
    20: _GAP,
    21: _GAP,
    23: "the certificate was revoked",
    24: _NO_AUTHORITY,
    26: "the certificate is not one for servers",
    62: "the certificate is for another host",
    64: "the certificate is for another host (not for this IP address)",
    66: _WEAK_KEY,
    67: _WEAK_AUTHORITY,
    68: _WEAK_SIGNATURE,
    79: _NO_AUTHORITY,  # since OpenSSL 3
}
"""Texts for OpenSSL's numbers X509_V_ERR_..."""

_NOT_TLS = "what arrived is not TLS; does the other side speak plain text (ws://)?"
TLS_FAILURES = {
    "HTTP_REQUEST": "a plain HTTP request arrived instead of TLS",
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": "the other side refused our versions of TLS, 1.2 and 1.3",
    "UNSUPPORTED_PROTOCOL": "the other side speaks only versions of TLS that are too old",
    "NO_SHARED_CIPHER": "no cipher in common",
    "PEM lib": "the PEM text is damaged",
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "EE_KEY_TOO_SMALL": _WEAK_KEY,
    "CA_KEY_TOO_SMALL": _WEAK_AUTHORITY,
    "CA_MD_TOO_WEAK": _WEAK_SIGNATURE,
}
"""Texts for OpenSSL's reasons whose own text is not clear."""


def on_android() -> bool:
    """Tells whether this Python runs on Android. Before Python 3.13 `sys.platform` says "linux" there."""
    return sys.platform == "android" or hasattr(sys, "getandroidapilevel")


def permission_hint(number: int) -> str:
    """Returns advice for a refused socket on Android, where the app lacks a permission; "" elsewhere."""
    return ANDROID_HINT if number in (errno.EACCES, errno.EPERM) and on_android() else ""


def reason(number: int) -> str:
    """Returns a few words for an `errno`."""
    return _BY_NUMBER.get(number) or os.strerror(number)


def explain(number: int) -> str:
    """Returns one line for an `errno`, with the hint that belongs to it."""
    hint = permission_hint(number)
    return f"{reason(number)}; {hint}" if hint else reason(number)


def broken(error: OSError) -> TransportError:
    """Returns the error that a stream raises when its socket fails."""
    return TransportError(
        f"connection broke: {explain(error.errno) if error.errno else error}", Cause.TCP, Error.ERR_CONNECTION_ERROR
    )


def not_watched(error: OSError) -> TransportError:
    """Returns the error for a socket that the system cannot watch."""
    number = error.errno or 0
    words = "its limit is reached (fs.epoll.max_user_watches)" if number == errno.ENOSPC else explain(number)
    return TransportError(f"the system watches no more sockets: {words}", Cause.TCP, Error.ERR_CANT_CREATE)


def check_for_sockets() -> None:
    """Refuses on a platform without sockets.

    Raises:
        TransportError: ERR_UNAVAILABLE: this program runs in a web page.
    """
    if IN_PAGE:
        raise TransportError(
            "a web page has no sockets: it can connect by WebSocketPeer and what builds on it, and cannot listen",
            Cause.TCP,
            Error.ERR_UNAVAILABLE,
        )
