"""Plain heads: the requests and responses that need no judge, read and written in one go.

Nearly every head on the wire is made of `Name: value` lines in visible ASCII, with each header that decides standing
once. Those are read here. Whatever is not plainly so is left to h11 (`judge`) by giving None, so that nothing is
refused, let in or answered here that h11 would not have dealt with in the same way; `tests/property` holds both
against each other.

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

# For each byte: 1 where it may stand in a name, 2 where it may stand in a line, 3 both.
_KINDS = bytes(bool(_NAME.fullmatch(chr(i))) + 2 * (i == 9 or 0x20 <= i <= 0x7E) for i in range(256))

_MAX_FIELDS = 100  # browsers send some fifteen

_WITH_BODY = {"content-length", "transfer-encoding", "expect"}
_JUDGED = ""  # a header that is never plain

_COMMON = ("upgrade", "connection", "sec-websocket-protocol", "sec-websocket-extensions")


def _deciding(*names: str) -> dict[bytes, str]:
    found = {name.encode(): name for name in (*_COMMON, *names)}
    return found | {name.encode(): _JUDGED for name in _WITH_BODY}


_OF_REQUEST = _deciding("host", "origin", "sec-websocket-key", "sec-websocket-version")
_OF_RESPONSE = _deciding("sec-websocket-accept")


def read_request(head: bytes) -> tuple[str, dict[str, str]] | None:
    """The target of a GET and the headers that decide about an upgrade, by lower-case name; None: for the judge.

    Args:
        head: up to and with its empty line.
    """
    end = _line_end(head, 0) if head else -1
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
    """The headers of a 101 that decide about an upgrade, by lower-case name; None: for the judge.

    Args:
        head: up to and with its empty line.
    """
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
            if key == _JUDGED or key in fields:
                return None
            fields[key] = _value(head, colon + 1, end)
        at = end + 2
    return None


def _name_end(head: bytes, at: int) -> int:
    """Where the name that begins at `at` ends with a colon; -1 where it is no plain one."""
    if cython.compiled:
        text, kinds = PyBytes_AS_STRING(head), PyBytes_AS_STRING(_KINDS)
        begin = at
        while kinds[cython.cast(cython.uchar, text[at])] & 1:  # the NUL behind the last byte stops it
            at += 1
        return at if at > begin and text[at] == 58 else -1
    match = _NAME_AND_COLON.match(head, at)
    return match.end() - 1 if match else -1


def _line_end(head: bytes, at: int) -> int:
    """Where the CR LF stands that ends the line; -1 where something that is not plain comes before it."""
    if cython.compiled:
        text, kinds = PyBytes_AS_STRING(head), PyBytes_AS_STRING(_KINDS)
        while kinds[cython.cast(cython.uchar, text[at])] & 2:
            at += 1
        return at if text[at] == 13 and text[at + 1] == 10 else -1
    match = _REST_OF_LINE.match(head, at)
    return match.end() - 2 if match else -1


def _value(head: bytes, begin: int, end: int) -> str:
    """What stands between, without the blanks around it."""
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
    """A GET with these headers, `Host` first; None where it is not plain."""
    lines = write_fields(fields, _WITH_BODY)
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") if lines and _TARGET.fullmatch(target) else None


def write_fields(fields: Iterable[tuple[str, str]], judged: Container[str] = _WITH_BODY | {"host"}) -> str | None:
    """Header lines as they go on the wire; None where one is not plain, or among those that h11 treats otherwise."""
    lines = ""
    for name, value in fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in judged:
            return None
        lines += f"{name}: {value}\r\n"
    return lines
