"""Words for what the system refuses, the same on every system, in one line.

Layer: `transport`.
"""

from __future__ import annotations

import errno
import os
import sys

from gdpeer.errors import Cause, Error, TransportError

__all__ = ["broken", "explain", "on_android", "permission_hint", "reason"]

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


def on_android() -> bool:
    """Whether this Python runs on Android; before Python 3.13 it calls the system Linux there."""
    return sys.platform == "android" or hasattr(sys, "getandroidapilevel")


def permission_hint(number: int) -> str:
    """What to do about a refused socket, where the reason is known: Android and its permissions. Else empty."""
    return ANDROID_HINT if number in (errno.EACCES, errno.EPERM) and on_android() else ""


def reason(number: int) -> str:
    """A few words for an `errno`."""
    return _BY_NUMBER.get(number) or os.strerror(number)


def explain(number: int) -> str:
    """One line for an `errno`, with the hint that belongs to it."""
    hint = permission_hint(number)
    return f"{reason(number)}; {hint}" if hint else reason(number)


def broken(error: OSError) -> TransportError:
    """What a stream raises when its socket fails."""
    return TransportError(
        f"connection broke: {explain(error.errno) if error.errno else error}", Cause.TCP, Error.ERR_CONNECTION_ERROR
    )
