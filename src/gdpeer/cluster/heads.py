"""Reads from the first bytes of a connection which room its client asks for, without checking anything.

The door needs no more than the shard of the room. The worker that gets the connection reads the same bytes again, and
checks them.

Layer: `cluster`; pure.
"""

from __future__ import annotations

import binascii
import json
import re

from gdpeer.rooms.codes import find_code

__all__ = ["END", "code_of"]

END = b"\r\n\r\n"
"""The end of a head."""

_ROOM = re.compile(rb"[A-Z]+ /room/(?:[^/? ]*/)?([0-9A-Za-z]{6})/?[? ]")
_ROOT = re.compile(rb"[A-Z]+ /?(?:\?([^ ]*))? ")
_PROTOCOLS = re.compile(rb"\r\nsec-websocket-protocol:([^\r]*)", re.IGNORECASE)
_BEARER = re.compile(rb"\r\nauthorization:[ \t]*bearer[ \t]+([^\r \t]+)", re.IGNORECASE)


def code_of(head: bytes | bytearray | memoryview, size: int, start: int = 0) -> str:
    """Returns the code of the room that an upgrade asks for; "" if it asks for none: the lobby, a page, anything else.

    As in `gdpeer.rooms.request`: the path counts, at the path `/` the sub-protocol `room.`, and then the room of the
    seat, whose signature is not checked here.

    Args:
        head: holds a whole head.
        size: the bytes in `head`.
        start: where the head begins, behind the header of a proxy.
    """
    found = _ROOM.match(head, start, size)
    if found is not None:
        return find_code(found[1].decode("ascii"))
    root = _ROOT.match(head, start, size)
    if root is None:
        return ""
    offered = [name.strip() for line in _PROTOCOLS.findall(head, start, size) for name in line.split(b",")]
    for name in offered:
        if name.startswith(b"room."):
            return find_code(name[5:].decode("latin-1"))
    seats = [part[5:] for part in (root[1] or b"").split(b"&") if part.startswith(b"seat=")]
    seats += [name[5:] for name in offered if name.startswith(b"seat.")]
    seats += _BEARER.findall(head, start, size)
    return _room_of(seats[0]) if seats else ""


def _room_of(token: bytes) -> str:
    """Returns the room that a seat claims; "" if it cannot be read."""
    payload = token.partition(b".")[2].partition(b".")[0]
    try:
        claims = json.loads(binascii.a2b_base64(payload.translate(_URL_SAFE) + b"=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return ""
    room = claims.get("rid") if isinstance(claims, dict) else ""
    return find_code(room) if isinstance(room, str) else ""


_URL_SAFE = bytes.maketrans(b"-_", b"+/")
