"""Sessions written down as lists of steps, and what came of them: the same in whichever form gdpeer runs.

As a program it reads one session a line and writes its record a line (JSON), until its input ends.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gdpeer import ManualClock, WebSocketServer
from gdpeer.errors import GdpeerError
from gdpeer.protocol.connection import Connection
from gdpeer.protocol.frames import COMPILED
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.outbox import encode_message
from gdpeer.signals import Signal
from gdpeer.transport.memory import MemoryStream, memory_pair

Step = list[Any]
"""What is done, and with what; bytes as hexadecimal text."""


@contextmanager
def same_random_bytes() -> Iterator[None]:
    """Masking keys and ids of one session are those of any other."""
    before, count = os.urandom, 0

    def urandom(size: int) -> bytes:
        nonlocal count
        count += 1
        return bytes((count * 31 + i * 7 + (i >> 3)) & 255 for i in range(size))

    os.urandom = urandom
    try:
        yield
    finally:
        os.urandom = before


def run(session: dict[str, Any]) -> list[Any]:
    """Do it all; the record, made of what JSON knows."""
    with same_random_bytes():
        made = OverServer(**session) if session.pop("server") else OverConnection(**session)
        record: list[Any] = []
        for name, *arguments in session["steps"]:
            try:
                record.append(getattr(made, name)(*arguments))
            except (ValueError, IndexError, GdpeerError) as problem:
                record.append([type(problem).__name__, str(problem)])
            record.append(made.look())
        return record


class OverConnection:
    """A connection without a network."""

    def __init__(self, is_client: bool, limits: dict[str, int], steps: list[Step]) -> None:
        self.connection = Connection(is_client, limits=Limits(**limits))

    def look(self) -> list[Any]:
        connection, inbox, outbox = self.connection, self.connection.inbox, self.connection.outbox
        failure = connection.failure
        return [
            [connection.phase, connection.close_code, connection.close_reason],
            [connection.close_received, connection.closed_by_remote, connection.is_held()],
            [connection.pongs, connection.last_pong.hex(), failure and [failure.code, failure.detail]],
            [inbox.count, inbox.queued_bytes, inbox.received, inbox.is_full(), inbox.was_text, inbox.opcode],
            [outbox.is_open, outbox.pending, outbox.pending_messages, outbox.pending_control],
        ]

    def receive(self, data: str) -> None:
        piece = bytearray.fromhex(data)
        self.connection.receive_data(piece, len(piece))

    def take(self, most: int) -> list[Any]:
        inbox = self.connection.inbox
        taken = [[inbox.next_packet().hex(), inbox.was_text] for _ in range(min(most, inbox.count))]
        self.connection.resume()
        return taken

    def peek(self, index: int) -> str:
        return self.connection.inbox.peek(index).hex()

    def discard(self, index: int) -> None:
        self.connection.inbox.discard(index)

    def settle(self) -> bool:
        return self.connection.settle()

    def message(self, size: int, is_text: bool) -> None:
        self.connection.send_message(bytes([size & 63]) * size, is_text)

    def shared(self, size: int) -> None:
        if self.connection.outbox.can_share():
            self.connection.outbox.send_encoded(encode_message(bytes(size), False))

    def ping(self, size: int) -> None:
        self.connection.send_ping(bytes(size))

    def close(self, code: int, reason: str) -> None:
        self.connection.send_close(code, reason)

    def sent(self, most: int) -> str:
        data = b"".join(self.connection.outbox.data_to_send())[:most]
        self.connection.data_sent(len(data))
        return data.hex()

    def end(self) -> None:
        self.connection.receive_eof()


class OverServer:
    """A server, and raw ends of connections in memory."""

    def __init__(self, settings: dict[str, int], echoes: bool, steps: list[Step]) -> None:
        self.clock = ManualClock(100.0)
        self.server = WebSocketServer(clock=self.clock)
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.events: list[Any] = []
        for name, value in list(vars(self.server).items()):
            if isinstance(value, Signal):
                value.connect(lambda *arguments, name=name: self.events.append([name, *arguments]))
        if echoes:
            self.server.data_received.connect(self.echo)
        self.ends: list[MemoryStream] = []
        self.ids: list[int] = []

    def look(self) -> list[Any]:
        events, self.events[:] = list(self.events), []
        return [events, sorted(self.server.peers)]

    def echo(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        packet = peer.get_packet()
        self.events.append([packet.hex(), peer.was_string_packet(), int(peer.send(packet))])
        if packet == b"stop":
            self.server.stop()

    def enter(self, data: str, piece: int, capacity: int) -> None:
        theirs, ours = memory_pair(clock=self.clock, max_chunk=piece, capacity=capacity)
        self.ids.append(self.server.take_stream(ours))
        self.ends.append(theirs)
        self.receive(-1, data)

    def receive(self, end: int, data: str) -> int:
        return self.ends[end].send([bytes.fromhex(data)])

    def read(self, end: int) -> list[Any]:
        return _read(self.ends[end])

    def poll(self) -> None:
        self.server.poll()

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.poll()

    def take(self, end: int) -> Any:
        peer = self.server.get_peer(self.ids[end])
        return peer and [peer.get_packet().hex(), peer.was_string_packet(), int(peer.get_packet_error())]

    def send(self, end: int, size: int, times: int) -> Any:
        peer = self.server.get_peer(self.ids[end])
        if peer is None:
            return None
        return [[int(peer.send(bytes(size))), peer.get_current_outbound_buffered_amount()] for _ in range(times)]

    def broadcast(self, size: int) -> int:
        return int(self.server.broadcast(bytes(size)))

    def leave(self, end: int, code: int) -> None:
        peer = self.server.get_peer(self.ids[end])
        if peer is not None:
            peer.close(code)

    def ask(self, end: int) -> Any:
        peer = self.server.get_peer(self.ids[end])
        return peer and [
            peer.get_close_code(),
            peer.get_close_reason(),
            str(peer.get_close_cause()),
            peer.get_latency(),
        ]

    def hang_up(self, end: int) -> None:
        self.ends[end].close_write()

    def break_off(self, end: int) -> None:
        self.ends[end].break_connection()


def _read(end: MemoryStream) -> list[Any]:
    """What has come, and how it ended; long data by its beginning and sum."""
    data, buffer, ending = bytearray(), bytearray(65536), ""
    try:
        while (count := end.receive_into(buffer)) > 0:
            data += buffer[:count]
        ending = "end" if count == 0 else ""
    except GdpeerError as problem:
        ending = str(problem)
    return [len(data), data[:400].hex(), sum(data), ending]


def serve() -> None:
    """What this module does as a program."""
    assert not COMPILED
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    serve()
