"""Any history of calls, values, lost connections and returns: each client sees what an engine can make sense of."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gdpeer.multiplayer.wire.godot4 import relay_packet
from gdpeer.rooms.resume.queue import MOST_BYTES, MOST_PACKETS
from tests.support.resuming import Client, Server

WHO = st.sampled_from(range(3))
PATHS = st.sampled_from(["Main", "Main/Ann/Sync", "Main/Bob", "Main/Bob/Sync"])
DEEDS = st.one_of(
    st.tuples(st.just("call"), WHO, WHO, PATHS),
    st.tuples(st.just("call"), WHO, WHO, PATHS),
    st.tuples(st.just("raw"), WHO, WHO),
    st.tuples(st.just("shout"), WHO),
    st.tuples(st.just("sync"), WHO, WHO, PATHS),
    st.tuples(st.just("delta"), WHO, WHO, PATHS),
    st.tuples(st.just("cut"), WHO),
    st.tuples(st.just("back"), WHO),
    st.tuples(st.just("back"), WHO),
    st.tuples(st.just("poll"), st.integers(0, 3)),
    st.tuples(st.just("poll"), st.integers(0, 3)),
    st.tuples(st.just("settle")),
)
HISTORIES = st.lists(DEEDS, max_size=60)


class History:
    """Does deeds, and notes what must arrive where."""

    def __init__(self, is_silent: bool) -> None:
        self.server = Server(3, is_silent=is_silent)
        self.clients = self.server.clients
        self.texts = 0
        self.due: dict[int, list[tuple[int, str]]] = {client.id: [] for client in self.clients}
        self.lost: set[tuple[int, str]] = set()

    def text(self) -> str:
        self.texts += 1
        return f"text {self.texts}"

    def do(self, deed: tuple[Any, ...]) -> None:
        name, *rest = deed
        getattr(self, f"do_{name}")(*rest)

    def pair(self, one: int, other: int) -> tuple[Client, Client] | None:
        sender, receiver = self.clients[one], self.clients[other]
        knows = sender.is_here and sender is not receiver and receiver.id in sender.others
        return (sender, receiver) if knows else None

    def is_due(self, sender: Client, receiver: Client, text: str) -> None:
        self.due[receiver.id].append((sender.id, text))

    def do_call(self, one: int, other: int, path: str) -> None:
        if (pair := self.pair(one, other)) is not None:
            text = self.text()
            self.is_due(*pair, text)
            pair[0].call(pair[1].id, path, text)

    def do_raw(self, one: int, other: int) -> None:
        if (pair := self.pair(one, other)) is not None:
            text = self.text()
            self.is_due(*pair, text)
            pair[0].send(pair[1].id, b"\x03" + text.encode())

    def do_shout(self, one: int) -> None:
        sender, text = self.clients[one], self.text()
        if sender.is_here and sender.others:
            for receiver in self.clients:
                if receiver is not sender:
                    self.is_due(sender, receiver, text)
            sender.send(0, b"\x03" + text.encode())

    def do_sync(self, one: int, other: int, path: str) -> None:
        if (pair := self.pair(one, other)) is not None:
            pair[0].sync(pair[1].id, path, self.text(), False)

    def do_delta(self, one: int, other: int, path: str) -> None:
        if (pair := self.pair(one, other)) is not None:
            pair[0].sync(pair[1].id, path, self.text(), True)

    def do_cut(self, one: int) -> None:
        client = self.clients[one]
        if client.is_here:
            self.server.tree.poll()  # what is on its way from the client arrives before the end
            self.lost |= {(client.id, text) for _, _, text in self.server.cut(client)}

    def do_back(self, one: int) -> None:
        client = self.clients[one]
        if not client.is_here:
            client.connect()

    def do_poll(self, one: int) -> None:
        if one == 3:
            self.server.tree.poll()
        elif self.clients[one].is_here:
            self.clients[one].poll()

    def do_settle(self) -> None:
        self.server.settle()

    def finish(self) -> None:
        for one in range(3):
            self.do_back(one)
        self.server.settle()


@given(HISTORIES)
def test_a_silent_return_loses_nothing_and_makes_no_error(deeds: list[tuple[Any, ...]]) -> None:
    history = History(is_silent=True)
    for client in history.clients:
        client.signals.clear()
    for deed in deeds:
        history.do(deed)
    history.finish()
    for client in history.clients:
        assert client.errors == []
        assert client.ignored == 0
        assert not [one for one in client.signals if one[0] == "del"]
        heard = [(sender, text) for sender, _, text in client.heard]
        for sender in history.due:
            due = [text for who, text in history.due[client.id] if who == sender]
            expected = [text for text in due if (client.id, text) not in history.lost]
            assert [text for who, text in heard if who == sender] == expected
    assert not [one for one in history.server.news if one[0] == "back" and one[2]]
    assert not [one for one in history.server.news[3:] if one[0] in ("peer_connected", "peer_disconnected")]


@given(HISTORIES)
def test_after_any_history_calls_and_values_arrive(deeds: list[tuple[Any, ...]]) -> None:
    """Also after announced returns, during which calls may be lost.

    A path that is told in the moment of an announced return is answered, though its sender has just heard that the
    receiver was gone. An engine logs that.
    """
    for is_silent in (True, False):
        history = History(is_silent)
        for deed in deeds:
            history.do(deed)
        history.finish()
        for client in history.clients:
            client.heard.clear()
            client.synced.clear()
        for sender in history.clients:
            for receiver in history.clients:
                if sender is not receiver:
                    for _ in range(2):
                        sender.call(receiver.id, "Main", f"of {sender.id}")
                        sender.sync(receiver.id, "Main/Ann/Sync", "now", False)
                        history.server.settle()
        for client in history.clients:
            others = [one.id for one in history.clients if one is not client]
            assert not [error for error in client.errors if is_silent or "an answer" not in error]
            assert sorted(sender for sender, *_ in client.heard) == sorted(others * 2)
            assert {sender for sender, *_ in client.synced} == set(others)


@given(st.lists(st.one_of(DEEDS, st.tuples(st.just("hostile"), WHO, st.binary(min_size=1, max_size=60))), max_size=60))
def test_hostile_packets_are_refused_and_limits_hold(deeds: list[tuple[Any, ...]]) -> None:
    history = History(is_silent=True)
    resume = history.server.resume
    for deed in deeds:
        if deed[0] == "hostile":
            sender = history.clients[deed[1]]
            if sender.is_here:
                for target in (0, -1, *history.due):
                    sender.peer.put_packet_to((1,), relay_packet(target, deed[2]))
                history.server.tree.poll()
                for client in history.clients:
                    client.peer.poll()
                    while client.peer.get_available_packet_count():
                        client.peer.get_packet()
        else:
            history.do(deed)
        assert resume.queued_bytes <= 3 * MOST_BYTES
        assert resume.journal.used <= 3 * (4 << 20)


@settings(max_examples=10)
@given(st.integers(1, 40_000), st.integers(1, 3 * MOST_PACKETS))
def test_all_that_waits_arrives_or_nothing(size: int, count: int) -> None:
    server = Server(2)
    ann, bob = server.clients
    server.cut(bob)
    for _ in range(min(count, 200_000 // size)):
        ann.send(bob.id, b"\x03" + b"x" * size)
    server.tree.poll()
    sent = min(count, 200_000 // size)
    fits = sent <= MOST_PACKETS and sent * (size + 1) <= MOST_BYTES
    bob.connect()
    server.settle()
    assert len(bob.heard) == (sent if fits else 0)
    assert server.news[-1] == ("back", bob.id, not fits)
