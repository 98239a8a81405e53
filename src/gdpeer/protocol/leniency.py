"""Repairs the heads that honest clients and servers send and that h11 would refuse.

    bytes                                       sender                              repair
    octets 0x80-0xff in a request's target      Godot, for ws://host/?name=José     percent-encodes them
    GET http://host/path HTTP/1.1               clients of proxies, health checks   takes path and query, and its host
    a header name that is no token, as X[a]     Godot, whose games name them        keeps the header, hides it from h11
    a 101 that announces a body                 careless servers                    hides those headers: 101 has no body

Control characters in a name, and blanks at its ends, stay forbidden: request smuggling uses them.

Layer: `protocol`; pure. Source: RFC 9112 sections 2.2, 3.2 and 6.1; what Godot 4.6.3 and 3.6.2 send and take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gdpeer.errors import HandshakeError
from gdpeer.quoting import escape

__all__ = ["RepairedHead", "check_first_bytes", "repair_request", "repair_response"]

_REQUEST_LINE = re.compile(rb"([^ \r\n]+) ([^ \r\n]+) (HTTP/[0-9]\.[0-9])\r\n")
_RAW = re.compile(rb"[\x80-\xff]")
_ABSOLUTE = re.compile(rb"(?i:https?|wss?)://(?:[^/?#@]*@)?([^/?#@]+)([/?].*)?")
_ODD_LINE = re.compile(
    rb"\r\n(?=[^\r\n:]*[\x20\"(),/;<=>?@\[\\\]{}\x80-\xff])"  # some octet of the name may not be in one
    rb"((?!\x20)[\x20-9;-~\x80-\xff]+(?<!\x20)):([^\r\n]*)(?=\r\n)"
)
_BODY = re.compile(rb"\r\n(?i:transfer-encoding|content-length):[^\r\n]*(?=\r\n)")
_HTTP = b"HTTP/"
_TLS_RECORDS = (0x15, 0x16)  # an alert, a handshake
_GREETINGS = ((b"SSH-", "SSH"), (b"220", "SMTP or FTP"), (b"* OK", "IMAP"), (b"+OK", "POP3"))


@dataclass(slots=True)
class RepairedHead:
    """A request's head after repair.

    Attributes:
        head: the head that h11 reads.
        host: replaces the Host header; "" leaves that header as it is.
        odd: headers that h11 does not see, as names and values.
    """

    head: bytes
    host: str
    odd: list[tuple[str, str]]


def repair_request(head: bytes) -> RepairedHead:
    """Repairs a whole request head whose line ends were checked before."""
    host = b""
    line = _REQUEST_LINE.match(head)
    if line is not None:
        method, target, version = line.groups()
        absolute = _ABSOLUTE.fullmatch(target)
        # RFC 9112 section 3.2.2: the host in an absolute target replaces the Host header.
        if absolute is not None:
            host, target = absolute[1], absolute[2] or b"/"
            target = target if target.startswith(b"/") else b"/" + target
        target = _RAW.sub(lambda octet: b"%%%02X" % octet[0][0], target)
        head = b"%s %s %s\r\n%s" % (method, target, version, head[line.end() :])
    odd = [
        (name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t"))
        for name, value in _ODD_LINE.findall(head)
    ]
    return RepairedHead(_ODD_LINE.sub(b"", head) if odd else head, host.decode("latin-1"), odd)


def repair_response(head: bytes) -> bytes:
    """Removes the headers that announce a body from the head of a 101 response; other heads stay as they are."""
    return _BODY.sub(b"", head) if head[9:12] == b"101" else head


def check_first_bytes(data: bytes | bytearray, *, is_response: bool) -> None:
    """Refuses a peer that does not speak HTTP, from its first 1 to 16 bytes, without a wait for the rest of the head.

    Raises:
        HandshakeError: the bytes are not HTTP. The text names the protocol that they look like, where that is known.
    """
    start = bytes(data[:16])
    if is_response:
        if start[: len(_HTTP)] != _HTTP[: len(start)]:
            raise HandshakeError(f"the other side does not speak HTTP: {_name_protocol(start)}")
    elif start[0] in _TLS_RECORDS:
        raise HandshakeError("not HTTP: this is TLS, and this port has no TLS", status=400)
    elif start.startswith(b"SSH-") or not 0x21 <= start[0] <= 0x7E:
        raise HandshakeError(f"not HTTP{': this is SSH' if start[0] == 0x53 else ''}", status=400)


def _name_protocol(start: bytes) -> str:
    """Describes the protocol that a server speaks instead of HTTP, by its first bytes."""
    if start[0] in _TLS_RECORDS and start[1:2] in (b"\x03", b""):
        return "this is TLS, and the URL must begin with wss://"
    # The first frame of HTTP/2 is SETTINGS (type 4, no flags, stream 0).
    if start[3:5] == b"\x04\x00" and start[5:9] == bytes(4):
        return "this is HTTP/2"
    for greeting, name in _GREETINGS:
        if start.startswith(greeting):
            return f"this is {name}"
    return f"it begins with {escape(start.decode('latin-1'))!r}"
