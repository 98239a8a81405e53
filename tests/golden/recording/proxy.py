"""A proxy on loopback that passes bytes on unchanged, and records the WebSocket messages in them."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import NamedTuple


class Message(NamedTuple):
    """A whole message without its mask, or a control frame."""

    time: float
    connection: int
    way: str
    """Direction: c2s (client to server) or s2c."""
    opcode: int
    payload: bytes


class Frame(NamedTuple):
    """A frame at the beginning of some bytes, and its length in bytes."""

    is_final: bool
    opcode: int
    payload: bytes
    size: int


def first_frame(data: bytes | bytearray) -> Frame | None:
    """Returns the frame at the beginning of the bytes; None if it is not complete."""
    if len(data) < 2:
        return None
    size, at = data[1] & 127, 2
    if size > 125:
        layout, at = (">H", 4) if size == 126 else (">Q", 10)
        if len(data) < at:
            return None
        [size] = struct.unpack_from(layout, data, 2)
    key = bytes(4)
    if data[1] & 128:
        key, at = bytes(data[at : at + 4]), at + 4
    if len(data) < at + size:
        return None
    payload = bytes(byte ^ key[place & 3] for place, byte in enumerate(data[at : at + size]))
    return Frame(bool(data[0] & 128), data[0] & 15, payload, at + size)


class Tap:
    """Finds the messages in the bytes of one direction of a connection."""

    def __init__(self, connection: int, way: str) -> None:
        self.connection, self.way = connection, way
        self.head: str | None = None
        self._buffer, self._opcode, self._payload = bytearray(), 0, b""

    def feed(self, data: bytes, now: float) -> list[Message]:
        self._buffer += data
        if self.head is None:
            end = self._buffer.find(b"\r\n\r\n") + 4
            if end < 4:
                return []
            self.head = self._buffer[:end].decode("latin-1")
            del self._buffer[:end]
        found = []
        while frame := first_frame(self._buffer):
            del self._buffer[: frame.size]
            message = self._join(frame)
            if message:
                found.append(Message(now, self.connection, self.way, *message))
        return found

    def _join(self, frame: Frame) -> tuple[int, bytes] | None:
        """Returns the message that ends with this frame; None if the message goes on."""
        if frame.opcode >= 8:
            return frame.opcode, frame.payload
        if frame.opcode:
            self._opcode, self._payload = frame.opcode, b""
        self._payload += frame.payload
        return (self._opcode, self._payload) if frame.is_final else None


class Proxy:
    """Passes connections on to a server, and records their messages.

    Attributes:
        messages: all messages, in the order of their arrival.
        taps: both directions of each connection, in the order of the connections.
    """

    def __init__(self, upstream: int, before: int) -> None:
        """Makes a proxy for the port `upstream`; connections are numbered from `before` on."""
        self.messages: list[Message] = []
        self.taps: list[Tap] = []
        self._upstream, self._count = upstream, before
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> list[int]:
        return list(dict.fromkeys(tap.connection for tap in self.taps))

    async def listen(self) -> int:
        """Opens a port for clients, and returns it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        taps = Tap(self._count, "c2s"), Tap(self._count, "s2c")
        self.taps += taps
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._pass_on(reader, up_writer, taps[0]), self._pass_on(up_reader, writer, taps[1]))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: Tap) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while chunk := await reader.read(65536):
                self.messages += tap.feed(chunk, asyncio.get_running_loop().time())
                writer.write(chunk)
                await writer.drain()
