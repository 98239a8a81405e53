"""permessage-deflate: what both sides agree on, and the two streams.

Compressed messages carry RSV1 on their first frame and lack the last four bytes of a sync flush (RFC 7692 section
7.2). Inflation is
bounded: `Inflater.feed` is told how many bytes may come out and never holds more, so a small message cannot become a
    large one in memory.

Layer: `protocol`. Source: RFC 7692; RFC 6455 section 9.1 for the header.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from gdpeer.errors import HandshakeError, ProtocolError

__all__ = ["NAME", "Agreement", "Deflater", "Inflater", "accept_offers", "check_response", "offer", "parse_extensions"]

NAME = "permessage-deflate"

_TAIL = b"\x00\x00\xff\xff"
_MAX_ENDINGS = 16  # final blocks in one message; each costs a new stream and gives nothing, so no other limit ends them
_STEP = 131_072
"""Bytes that come out of the inflater at a time: what it holds beside the message that they are added to."""
_EMPTY_MESSAGE = b"\x00"  # RFC 7692 section 7.2.3.6

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# What is quoted is never tried again (`*+`), so that nothing is kept of each character to go back to.
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})(?:\s*=\s*(?:({_TOKEN})|"([^"\\]*+(?:\\.[^"\\]*+)*+)"))?')
_NAME = re.compile(rf"\s*({_TOKEN})")
_SEPARATOR = re.compile(r"\s*(,|$)\s*")
_EMPTY = re.compile(r"[\s,]*+")  # members of a list without anything in them (RFC 9110 section 5.6.1.2)

Extension = tuple[str, list[tuple[str, str | None]]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The four parameters of RFC 7692 section 7.1, as wished for or as agreed on.

    Attributes:
        server_no_context_takeover: the server forgets its window after each message.
        client_no_context_takeover: the client does.
        server_max_window_bits: 8-15, base-2 logarithm of the server's window in bytes.
        client_max_window_bits: likewise the client's.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_max_window_bits: int = 15

    def __post_init__(self) -> None:
        for bits in (self.server_max_window_bits, self.client_max_window_bits):
            if not 8 <= bits <= 15:
                raise ValueError(f"window bits are 8 to 15, not {bits}")

    def header(self, *, client_bits: bool) -> str:
        """The header's value; with `client_bits` it names client_max_window_bits even where that is the default."""
        parts = [NAME]
        if self.server_no_context_takeover:
            parts.append("server_no_context_takeover")
        if self.client_no_context_takeover:
            parts.append("client_no_context_takeover")
        if self.server_max_window_bits < 15:
            parts.append(f"server_max_window_bits={self.server_max_window_bits}")
        if self.client_max_window_bits < 15:
            parts.append(f"client_max_window_bits={self.client_max_window_bits}")
        elif client_bits:
            parts.append("client_max_window_bits")
        return "; ".join(parts)


def parse_extensions(value: str) -> list[Extension]:
    """Read a `Sec-WebSocket-Extensions` header.

    Empty members of the list are passed over.

    Returns:
        Each extension's name with its parameters in order; a parameter without a value has None.

    Raises:
        HandshakeError: the header does not follow RFC 6455 section 9.1 (400).
    """
    extensions: list[Extension] = []
    at = _past_empty(value, 0) if value else 0
    while at < len(value):
        name = _NAME.match(value, at)
        if name is None:
            raise HandshakeError("Sec-WebSocket-Extensions is malformed", status=400)
        at = name.end()
        parameters: list[tuple[str, str | None]] = []
        while parameter := _PARAMETER.match(value, at):
            at = parameter.end()
            quoted = parameter[3]
            parameters.append((parameter[1], parameter[2] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)))
        separator = _SEPARATOR.match(value, at)
        if separator is None:
            raise HandshakeError("Sec-WebSocket-Extensions is malformed", status=400)
        at = _past_empty(value, separator.end())
        extensions.append((name[1], parameters))
    return extensions


def _past_empty(value: str, at: int) -> int:
    """Where the next member begins that is not empty."""
    found = _EMPTY.match(value, at)
    assert found is not None  # it may be empty itself
    return found.end()


def _read(parameters: list[tuple[str, str | None]], *, bare_client_bits: bool) -> tuple[Agreement, bool] | None:
    """The parameters as an agreement, and whether client_max_window_bits was among them.

    None where they are not valid.
    """
    flags = {"server_no_context_takeover": False, "client_no_context_takeover": False}
    bits = {"server_max_window_bits": 15, "client_max_window_bits": 15}
    seen = set()
    for name, value in parameters:
        if name in seen:
            return None
        seen.add(name)
        if name in flags and value is None:
            flags[name] = True
        elif name == "client_max_window_bits" and value is None and bare_client_bits:
            continue
        elif name in bits and value is not None and re.fullmatch(r"[89]|1[0-5]", value):
            bits[name] = int(value)
        else:
            return None
    agreement = Agreement(
        flags["server_no_context_takeover"],
        flags["client_no_context_takeover"],
        bits["server_max_window_bits"],
        bits["client_max_window_bits"],
    )
    return agreement, "client_max_window_bits" in seen


def offer(wish: Agreement) -> str:
    """The client's `Sec-WebSocket-Extensions` value."""
    return wish.header(client_bits=True)


def accept_offers(extensions: list[Extension], wish: Agreement) -> tuple[Agreement, str] | None:
    """Choose for the server: the first offer that can be met.

    Args:
        extensions: the client's offers, from `parse_extensions`.
        wish: what the server wants at most of windows and context.

    Returns:
        The agreement and the response header's value; None when there is no offer that can be met (the connection
        then goes on uncompressed).
    """
    for name, parameters in extensions:
        read = _read(parameters, bare_client_bits=True) if name == NAME else None
        if read is None:
            continue
        offered, client_bits_offered = read
        agreed = Agreement(
            server_no_context_takeover=offered.server_no_context_takeover or wish.server_no_context_takeover,
            client_no_context_takeover=offered.client_no_context_takeover or wish.client_no_context_takeover,
            server_max_window_bits=min(offered.server_max_window_bits, wish.server_max_window_bits),
            client_max_window_bits=(
                min(offered.client_max_window_bits, wish.client_max_window_bits) if client_bits_offered else 15
            ),
        )
        return agreed, agreed.header(client_bits=False)
    return None


def check_response(extensions: list[Extension], wish: Agreement) -> Agreement | None:
    """Check the server's answer to `offer(wish)`.

    Returns:
        The agreement; None when the server declined.

    Raises:
        HandshakeError: it agreed to something that was not offered, or not in a way RFC 7692 section 7.1 allows.
    """
    if not extensions:
        return None
    if len(extensions) > 1 or extensions[0][0] != NAME:
        raise HandshakeError(f"the server chose an extension that was not offered: {extensions[0][0]}")
    read = _read(extensions[0][1], bare_client_bits=False)
    if read is None:
        raise HandshakeError(f"the server's parameters of {NAME} are not valid")
    agreed = read[0]
    if wish.server_no_context_takeover and not agreed.server_no_context_takeover:
        raise HandshakeError(f"the server left out server_no_context_takeover of {NAME}")
    if agreed.server_max_window_bits > wish.server_max_window_bits:
        raise HandshakeError(f"the server's window of {NAME} is larger than was asked for")
    return Agreement(
        server_no_context_takeover=agreed.server_no_context_takeover,
        client_no_context_takeover=agreed.client_no_context_takeover or wish.client_no_context_takeover,
        server_max_window_bits=agreed.server_max_window_bits,
        client_max_window_bits=min(agreed.client_max_window_bits, wish.client_max_window_bits),
    )


class Deflater:
    """Compresses messages.

    Args:
        bits: 8-15. zlib cannot do 8 in raw form; there it matches nothing and only codes bytes shorter, which any
            window can read.
        keep_context: whether a message may refer to earlier ones.
        level: zlib's, 1-9.
    """

    __slots__ = ("_bits", "_keep_context", "_level", "_stream")

    def __init__(self, bits: int = 15, *, keep_context: bool = True, level: int = 6) -> None:
        self._bits = bits
        self._keep_context = keep_context
        self._level = level
        self._stream: zlib._Compress | None = None

    def compress(self, payload: bytes) -> bytes:
        """The compressed form of one message, without the four bytes that every message ends with."""
        if not payload:
            return _EMPTY_MESSAGE
        stream = self._stream or self._new()
        data = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
        self._stream = stream if self._keep_context else None
        return data[:-4]

    def _new(self) -> zlib._Compress:
        strategy = zlib.Z_DEFAULT_STRATEGY if self._bits > 8 else zlib.Z_HUFFMAN_ONLY
        return zlib.compressobj(self._level, zlib.DEFLATED, -max(9, self._bits), 8, strategy)


class Inflater:
    """Decompresses messages that come in pieces, never giving out more than it is allowed.

    Args:
        bits: 8-15, the other side's window.
        keep_context: whether the other side's messages may refer to earlier ones.

    Attributes:
        rest: what `feed` is to be called with next, since more is to come out than it gives at a time; None: nothing.
    """

    __slots__ = ("_bits", "_endings", "_keep_context", "_stream", "rest")

    def __init__(self, bits: int = 15, *, keep_context: bool = True) -> None:
        self._bits = max(9, bits)
        self._endings = 0
        self._keep_context = keep_context
        self._stream: zlib._Decompress | None = None
        self.rest: bytes | None = None

    def feed(self, piece: bytes, room: int) -> bytes:
        """Go on with the message under way. Afterwards look at `rest`.

        Args:
            piece: compressed bytes.
            room: how many bytes may come out.

        Raises:
            ProtocolError: 1009 when more would come out, 1002 when the bytes are no deflate stream.
        """
        out = self._inflate(piece, room)
        while self._stream is not None and self._stream.unused_data:
            self._endings += 1
            if self._endings > _MAX_ENDINGS:
                raise ProtocolError(f"a compressed message has more than {_MAX_ENDINGS} final blocks")
            if len(out) >= _STEP:
                self.rest = self._stream.unused_data
                break
            out += self._inflate(self._stream.unused_data, room - len(out))
        return out

    def finish(self, room: int) -> bytes:
        """End the message under way: what was still to come out. Limits and errors as `feed`; there is no rest."""
        stream = self._stream
        out = b"" if stream is not None and stream.eof else self.feed(_TAIL, room)  # gives some thousand bytes at most
        self._endings = 0
        if not self._keep_context:
            self._stream = None
        return out

    def _inflate(self, piece: bytes, room: int) -> bytes:
        stream = self._stream
        if stream is None or stream.eof:
            # A final block ends the stream; what follows is a new one (RFC 7692 section 7.2.3.4).
            stream = self._stream = zlib.decompressobj(-self._bits)
        room = max(0, room)
        # One byte more than allowed tells a full buffer from an overflowing one; zlib reads 0 as "no limit".
        most = min(room + 1, _STEP)
        try:
            out = stream.decompress(piece, most)
        except zlib.error as problem:
            raise ProtocolError(f"a compressed message is damaged: {problem}") from None
        if len(out) > room:
            raise ProtocolError(f"a message inflates to more than its limit, by at least {len(out) - room} byte", 1009)
        # Even with all of the piece taken, zlib may hold more of what it was to give.
        self.rest = stream.unconsumed_tail if len(out) == most and not stream.eof else None
        return out
