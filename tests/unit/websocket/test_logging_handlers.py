"""C10: a logging handler that sends to peers. State changes before it is logged, so nothing comes twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from gdpeer import OK, Cause, Node, SceneTree, TransportError, WebSocketServer
from tests.unit.websocket.support import CLOSED, Room


class Sending(logging.Handler):
    """Sends every line to all peers."""

    def __init__(self) -> None:
        super().__init__()
        self.send: Callable[[bytes], object] = lambda data: None
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.send(record.getMessage().encode())


@pytest.fixture
def handler() -> Iterator[Sending]:
    logger, handler = logging.getLogger("gdpeer"), Sending()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_peer_that_does_not_read_is_closed_once(handler: Sending) -> None:
    room = Room(outbound_buffer_size=100, close_on_backpressure=True)
    peer_id, _client = room.join(capacity=200)
    handler.send = room.server.broadcast
    for _ in range(5):
        room.server.broadcast(bytes(90))
    assert [line.partition(": closed with 1013")[0] for line in handler.lines] == [f"peer {peer_id}"]


def test_a_stream_that_breaks_while_sending_ends_the_peer_once(handler: Sending) -> None:
    room = Room()
    peer_id, _client = room.join()
    handler.send = room.server.broadcast
    stream = room.server.get_peer(peer_id)._backend.stream  # type: ignore[union-attr]

    def broken(chunks: object) -> int:
        raise TransportError("broken", Cause.TCP)

    stream.send = broken  # type: ignore[method-assign, union-attr, assignment]
    room.server.broadcast(b"x")
    room.poll()
    assert [line for line in handler.lines if str(peer_id) in line] == [f"peer {peer_id}: tcp: broken"]
    assert not room.server.peers


def test_what_breaks_the_protocol_ends_the_peer_once(handler: Sending) -> None:
    room = Room()
    peer_id, ours, _ = room.stream()
    handler.send = room.server.broadcast
    ours.send([b"GARBAGE\r\n\r\n"])
    room.poll()
    assert len(handler.lines) == 1
    assert handler.lines[0].startswith(f"peer {peer_id}: upgrade:")
    room.join()
    other, client = room.join()
    client._backend.connection.outbox.send_raw(b"\xff\xff\xff\xff")  # type: ignore[union-attr]
    client._backend.flush()  # type: ignore[union-attr]
    room.poll(20)
    assert client.get_ready_state() is CLOSED
    assert [line for line in handler.lines if f"peer {other}:" in line] == handler.lines[1:2]
    assert len(handler.lines) == 2


def test_a_call_that_cannot_be_sent_from_the_handler_either(handler: Sending) -> None:
    tree = SceneTree()
    tree.root.add_child(Node("Main"))
    handler.send = lambda data: tree.get_node("/root/Main").rpc("nothing", data)
    assert tree.get_node("/root/Main").rpc("nothing") is not OK
    assert 1 <= len(handler.lines) <= 10


def test_a_slot_that_raises_and_a_handler_that_emits(handler: Sending) -> None:
    server = WebSocketServer()
    server.data_received.connect(lambda peer_id: 1 / 0)
    handler.send = lambda data: server.data_received.emit(1)
    server.data_received.emit(1)
    assert len(handler.lines) == 10
