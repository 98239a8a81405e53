"""What an exception cuts short is told, and sent, in the next turn."""

from __future__ import annotations

import pytest

from gdpeer.clock import MONOTONIC
from gdpeer.protocol.inbox import Inbox
from gdpeer.websocket.backend.base import Backend, Turn
from gdpeer.websocket.settings import Settings
from tests.unit.websocket.support import CLOSED, Room, poll_all


def test_packets_that_an_exit_in_a_slot_cut_short_are_told_in_the_next_turn() -> None:
    room = Room()
    ids = [room.join()[0] for _ in range(3)]
    for client in room.clients:
        client.send(b"one")
        client.send(b"two")
    told: list[int] = []

    def slot(peer_id: int) -> None:
        told.append(peer_id)
        if len(told) == 1:
            raise SystemExit

    room.server.data_received.connect(slot)
    with pytest.raises(SystemExit):
        room.server.poll()
    assert len(told) == 1
    room.server.poll()
    assert sorted(told) == sorted(ids * 2)


def test_end_that_an_exit_in_a_slot_cut_short_is_told_in_the_next_turn() -> None:
    room = Room()
    ids = [room.join()[0] for _ in range(3)]
    gone: list[int] = []

    def slot(peer_id: int, was_clean: bool) -> None:
        gone.append(peer_id)
        if len(gone) == 1:
            raise KeyboardInterrupt

    room.server.client_disconnected.connect(slot)
    for client in room.clients:
        client.close()
    with pytest.raises(KeyboardInterrupt):
        room.server.poll()
    room.poll()
    assert set(gone) == set(ids)
    assert not room.server.peers
    assert {client.get_ready_state() for client in room.clients} == {CLOSED}


class Failing(Backend):
    """Raises in its first flush what no stream should."""

    def __init__(self, turn: Turn, *, fails: bool) -> None:
        settings = Settings()
        super().__init__(settings, MONOTONIC, turn, Inbox(False, settings.limits()), False, 0, 0)
        self.flushes = 0
        self.fails = fails

    def flush(self) -> None:
        self.flushes += 1
        if self.fails:
            self.fails = False
            raise RuntimeError


def test_flush_that_an_exception_cut_short_goes_on_in_the_next_turn() -> None:
    turn = Turn()
    backends = [Failing(turn, fails=number == 1) for number in range(4)]
    for backend in backends:
        turn.gather(backend)
    with pytest.raises(RuntimeError):
        turn.flush()
    for backend in backends:
        turn.gather(backend)
    turn.flush()
    assert [backend.flushes for backend in backends] == [2, 2, 1, 1]


def test_many_packets_taken_at_once_are_one_reason_to_read_on() -> None:
    room = Room(max_queued_packets=64)
    peer_id, client = room.join()
    for number in range(70):
        client.send(bytes([number]))
    poll_all(client, room.server)
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    backend = peer._backend
    assert backend is not None
    assert backend.paused
    stream = backend.stream
    reads = []
    receive_into = stream.receive_into  # type: ignore[union-attr]

    def counted(buffer: bytearray) -> int:
        reads.append(len(buffer))
        return receive_into(buffer)

    stream.receive_into = counted  # type: ignore[union-attr, method-assign]
    for _ in range(64):
        peer.get_packet()
    room.server.poll()
    assert peer.get_available_packet_count() == 6
    assert len(reads) <= 2
