"""Reads and writes plain HTTP heads directly; all others are left to h11.

Nearly every head on the wire consists of `Name: value` lines in visible ASCII, and each header that decides about the
upgrade stands once. This module reads those heads. For any other head it returns None and h11 (`http_h11`) reads it.
So this module refuses, accepts or answers nothing that h11 would treat otherwise; `tests/property` compares both.

    start line  "GET " target " HTTP/1.1", or "HTTP/1.1 101 " reason
    line        name of token characters ":" blanks, value in visible ASCII with blanks inside, blanks
    line end    CR LF and nothing else

Compiled where a C compiler was at hand.

Layer: `protocol`. Source: RFC 9112 section 3 to 5.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.cpython.unicode import PyUnicode_DecodeASCII

__all__ = ["read_request", "read_response", "write_fields", "write_request"]

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_NAME = re.compile(_TOKEN)
_NAME_AND_COLON = re.compile(f"{_TOKEN}:".encode())
_VALUE = re.compile(r"[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*")
_TARGET = re.compile(r"[\x21-\x7e]+")
_REST_OF_LINE = re.compile(rb"[\t\x20-\x7e]*\r\n")

# For each byte a sum of bits: 1 if it may stand in a name, 2 if it may stand in a line.
_KINDS = bytes(bool(_NAME.fullmatch(chr(i))) + 2 * (i == 9 or 0x20 <= i <= 0x7E) for i in range(256))

_MAX_FIELDS = 100  # browsers send about 15; the limit bounds the time for one head

_WITH_BODY = {"content-length", "transfer-encoding", "expect"}
_FOR_H11 = ""  # marks a header that only h11 may read

_COMMON = ("upgrade", "connection", "sec-websocket-protocol", "sec-websocket-extensions")


def _deciding(*names: str) -> dict[bytes, str]:
    found = {name.encode(): name for name in (*_COMMON, *names)}
    return found | {name.encode(): _FOR_H11 for name in _WITH_BODY}


_OF_REQUEST = _deciding("host", "origin", "sec-websocket-key", "sec-websocket-version")
_OF_RESPONSE = _deciding("sec-websocket-accept")


def read_request(head: bytes) -> tuple[str, dict[str, str]] | None:
    """Returns the target of a GET and the headers that decide about an upgrade, by lower-case name.

    `head` is all from start line to empty line. None: h11 must read the head.
    """
    end = _line_end(head, 0) if head else -1
    # 14: the length of "GET / HTTP/1.1".
    if end < 14 or not head.startswith(b"GET ") or not head.startswith(b" HTTP/1.1", end - 9):
        return None
    target = head[4 : end - 9]
    if not head.startswith(b"/", 4) or b" " in target or b"\t" in target:
        return None
    fields = _read_fields(head, end + 2, _OF_REQUEST)
    if fields is None or "host" not in fields:
        return None
    return target.decode("ascii"), fields


def read_response(head: bytes) -> dict[str, str] | None:
    """Returns the headers of a 101 that decide about an upgrade, as `read_request` does; None: h11 must read them."""
    end = _line_end(head, 0) if head else -1
    return _read_fields(head, end + 2, _OF_RESPONSE) if end > 0 and head.startswith(b"HTTP/1.1 101 ") else None


def _read_fields(head: bytes, at: int, deciding: dict[bytes, str]) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    empty_line = len(head) - 2
    for _ in range(_MAX_FIELDS):
        if at == empty_line:
            return fields
        colon = _name_end(head, at)
        end = _line_end(head, colon + 1) if colon > 0 else -1
        if end < 0:
            return None
        key = deciding.get(head[at:colon].lower())
        if key is not None:
            # A repeated header may be an attack that two servers read differently: h11 decides.
            if key == _FOR_H11 or key in fields:
                return None
            fields[key] = _value(head, colon + 1, end)
        at = end + 2
    return None


def _name_end(head: bytes, at: int) -> int:
    """Returns the index of the colon behind the name that begins at `at`; -1: the name is not plain."""
    if cython.compiled:
        text, kinds = PyBytes_AS_STRING(head), PyBytes_AS_STRING(_KINDS)
        begin = at
        while kinds[cython.cast(cython.uchar, text[at])] & 1:  # the NUL behind the last byte stops it
            at += 1
        return at if at > begin and text[at] == 58 else -1
    match = _NAME_AND_COLON.match(head, at)
    return match.end() - 1 if match else -1


def _line_end(head: bytes, at: int) -> int:
    """Returns the index of the CR LF that ends the line; -1: another byte that is not plain comes first."""
    if cython.compiled:
        text, kinds = PyBytes_AS_STRING(head), PyBytes_AS_STRING(_KINDS)
        while kinds[cython.cast(cython.uchar, text[at])] & 2:
            at += 1
        return at if text[at] == 13 and text[at + 1] == 10 else -1
    match = _REST_OF_LINE.match(head, at)
    return match.end() - 2 if match else -1


def _value(head: bytes, begin: int, end: int) -> str:
    """Returns the text between two indexes, without the blanks around it."""
    if cython.compiled:
        text = PyBytes_AS_STRING(head)
        while begin < end and (text[begin] == 32 or text[begin] == 9):
            begin += 1
        while begin < end and (text[end - 1] == 32 or text[end - 1] == 9):
            end -= 1
        value: str = PyUnicode_DecodeASCII(text + begin, end - begin, cython.NULL)
        return value
    return head[begin:end].strip(b" \t").decode("ascii")


def write_request(target: str, fields: Iterable[tuple[str, str]]) -> bytes | None:
    """Returns a GET with these headers, `Host` first. None: h11 must write it."""
    lines = write_fields(fields, _WITH_BODY)
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") if lines and _TARGET.fullmatch(target) else None


def write_fields(fields: Iterable[tuple[str, str]], for_h11: Container[str] = _WITH_BODY | {"host"}) -> str | None:
    """Returns header lines for the wire. None: a header is not plain, or its lower-case name is in `for_h11`."""
    lines = ""
    for name, value in fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in for_h11:
            return None
        lines += f"{name}: {value}\r\n"
    return lines
