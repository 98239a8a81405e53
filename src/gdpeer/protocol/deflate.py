"""permessage-deflate: the agreement of both sides, and the two compressed streams.

A compressed message carries RSV1 on its first frame and lacks the last four bytes of a sync flush (RFC 7692 section
7.2). Inflation is bounded: the caller of `Inflater.feed` says how many bytes may come out, and the inflater never holds
more. So a small message cannot become a large one in memory.

Layer: `protocol`. Source: RFC 7692; RFC 6455 section 9.1 for the header.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from typing import Any

from gdpeer.errors import HandshakeError, ProtocolError

__all__ = ["NAME", "Agreement", "Deflater", "Inflater", "accept_offers", "check_response", "parse_extensions"]

NAME = "permessage-deflate"

_FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
_BITS = ("server_max_window_bits", "client_max_window_bits")

_TAIL = b"\x00\x00\xff\xff"
_MAX_ENDINGS = 16  # final blocks in one message: each costs a new stream and no byte, so no other limit counts them
_STEP = 131_072
"""Most bytes that the inflater returns at a time: the memory that it needs beside the message itself."""
_EMPTY_MESSAGE = b"\x00"  # RFC 7692 section 7.2.3.6

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# Possessive repeats (`*+`): the quoted part is never tried again, so a long value costs no memory for backtracking.
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})(?:\s*=\s*(?:({_TOKEN})|"([^"\\]*+(?:\\.[^"\\]*+)*+)"))?')
_NAME = re.compile(_TOKEN)
_SEPARATOR = re.compile(r"\s*(,|$)\s*")
_EMPTY = re.compile(r"[\s,]*+")  # empty members of a list (RFC 9110 section 5.6.1.2)

Extension = tuple[str, list[tuple[str, str | None]]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The four parameters of RFC 7692 section 7.1, as one side wishes them or as both agreed on them.

    Attributes:
        server_no_context_takeover: the server forgets its window after each message.
        client_no_context_takeover: the client forgets its window after each message.
        server_max_window_bits: 8-15, base-2 logarithm of the server's window in bytes.
        client_max_window_bits: 8-15, base-2 logarithm of the client's window in bytes.
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
        """Returns the header's value; a client's offer names client_max_window_bits (`client_bits`) even at 15."""
        parts = [NAME, *(name for name in _FLAGS if getattr(self, name))]
        parts += [f"{name}={bits}" for name in _BITS if (bits := getattr(self, name)) < 15]
        if client_bits and self.client_max_window_bits == 15:
            parts.append("client_max_window_bits")
        return "; ".join(parts)


def parse_extensions(value: str) -> list[Extension]:
    """Reads a `Sec-WebSocket-Extensions` header. Empty members of the list are skipped.

    Returns:
        Each extension's name with its parameters in order; a parameter without a value has None.

    Raises:
        HandshakeError: the header does not follow RFC 6455 section 9.1 (400).
    """
    extensions: list[Extension] = []
    # The fast answer for the usual absent header.
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
        extensions.append((name[0], parameters))
    return extensions


def _past_empty(value: str, at: int) -> int:
    """Returns where the next member begins that is not empty."""
    found = _EMPTY.match(value, at)
    assert found is not None  # the pattern also matches the empty string
    return found.end()


def _read_parameters(
    parameters: list[tuple[str, str | None]], *, bare_client_bits: bool
) -> tuple[Agreement, bool] | None:
    """Reads parameters as an agreement, and whether they name client_max_window_bits. None: they are not valid."""
    found: dict[str, Any] = {}
    for name, value in parameters:
        # RFC 7692 section 7.1: a repeated or unknown parameter, or a wrong value, makes the whole offer invalid.
        if name in found:
            return None
        if name in _FLAGS and value is None:
            found[name] = True
        elif name == "client_max_window_bits" and value is None and bare_client_bits:
            # Only an offer may leave out the number: it says that the client understands the parameter.
            found[name] = 15
        elif name in _BITS and value is not None and re.fullmatch(r"[89]|1[0-5]", value):
            found[name] = int(value)
        else:
            return None
    return Agreement(**found), "client_max_window_bits" in found


def accept_offers(extensions: list[Extension], wish: Agreement) -> tuple[Agreement, str] | None:
    """Chooses for the server the first offer that it can meet with at most the windows, and the context, of `wish`.

    Returns:
        The agreement and the response header's value. None: the server can meet no offer, and the connection goes on
        uncompressed.
    """
    for name, parameters in extensions:
        read = _read_parameters(parameters, bare_client_bits=True) if name == NAME else None
        if read is None:
            continue
        offered, client_bits_offered = read
        # Each parameter may only become stricter than offered. The client's window may only be limited if the client
        # offered that parameter (RFC 7692 section 7.1.2.2).
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
    """Checks the server's answer to the offer of `wish`.

    Returns:
        The agreement; None when the server declined.

    Raises:
        HandshakeError: the answer contains something that was not offered, or that RFC 7692 section 7.1 forbids.
    """
    if not extensions:
        return None
    if len(extensions) > 1 or extensions[0][0] != NAME:
        raise HandshakeError(f"the server chose an extension that was not offered: {extensions[0][0]}")
    read = _read_parameters(extensions[0][1], bare_client_bits=False)
    if read is None:
        raise HandshakeError(f"the server's parameters of {NAME} are not valid")
    agreed = read[0]
    if wish.server_no_context_takeover and not agreed.server_no_context_takeover:
        raise HandshakeError(f"the server left out server_no_context_takeover of {NAME}")
    if agreed.server_max_window_bits > wish.server_max_window_bits:
        raise HandshakeError(f"the server's window of {NAME} is larger than was asked for")
    return replace(
        agreed,
        client_no_context_takeover=agreed.client_no_context_takeover or wish.client_no_context_takeover,
        client_max_window_bits=min(agreed.client_max_window_bits, wish.client_max_window_bits),
    )


class Deflater:
    """Compresses messages.

    Args:
        bits: 8-15, the size of the window. zlib cannot use 8 for raw streams; for 8 the deflater writes no references
            to earlier bytes at all, which a window of any size can read.
        keep_context: whether a message may refer to earlier messages.
        level: zlib's, 1-9.
    """

    __slots__ = ("_bits", "_keep_context", "_level", "_stream")

    def __init__(self, bits: int = 15, *, keep_context: bool = True, level: int = 6) -> None:
        self._bits = bits
        self._keep_context = keep_context
        self._level = level
        self._stream: zlib._Compress | None = None

    def compress(self, payload: bytes) -> bytes:
        """Returns the compressed form of one message, without the four bytes that every message ends with."""
        if not payload:
            return _EMPTY_MESSAGE
        stream = self._stream or self._new()
        data = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
        # The stream holds a few hundred KiB: drop it unless the next message needs it.
        self._stream = stream if self._keep_context else None
        return data[:-4]

    def _new(self) -> zlib._Compress:
        strategy = zlib.Z_DEFAULT_STRATEGY if self._bits > 8 else zlib.Z_HUFFMAN_ONLY
        return zlib.compressobj(self._level, zlib.DEFLATED, -max(9, self._bits), 8, strategy)


class Inflater:
    """Decompresses messages that arrive in pieces, and never returns more bytes than allowed.

    Args:
        bits: 8-15, the other side's window.
        keep_context: whether the other side's messages may refer to earlier messages.

    Attributes:
        rest: pass it to the next `feed`: more bytes are to come out than one call returns. None: there is no rest.
    """

    __slots__ = ("_bits", "_endings", "_keep_context", "_stream", "rest")

    def __init__(self, bits: int = 15, *, keep_context: bool = True) -> None:
        self._bits = max(9, bits)
        self._endings = 0
        self._keep_context = keep_context
        self._stream: zlib._Decompress | None = None
        self.rest: bytes | None = None

    def feed(self, piece: bytes, room: int) -> bytes:
        """Continues with the current message. Afterwards look at `rest`.

        Args:
            piece: compressed bytes.
            room: how many bytes may come out.

        Raises:
            ProtocolError: 1009 when more bytes would come out, 1002 when `piece` is no deflate stream.
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
        """Ends the current message and returns its last bytes. Limits and errors as `feed`; leaves no `rest`."""
        stream = self._stream
        # The sender cut off the sync flush: put it back, to get the last bytes (some thousand at most). After a final
        # block there was no flush to cut.
        out = b"" if stream is not None and stream.eof else self.feed(_TAIL, room)
        self._endings = 0
        if not self._keep_context:
            self._stream = None
        return out

    def _inflate(self, piece: bytes, room: int) -> bytes:
        stream = self._stream
        if stream is None or stream.eof:
            # A final block ends the stream; a new stream follows (RFC 7692 section 7.2.3.4).
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
        # zlib may hold more output even after it has read the whole piece, so b"" can be a rest too.
        self.rest = stream.unconsumed_tail if len(out) == most and not stream.eof else None
        return out
