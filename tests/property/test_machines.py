"""The queues of a connection and the poller beside models of them: any calls in any order."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gdpeer.clock import ManualClock
from gdpeer.protocol.deflate import Deflater
from gdpeer.protocol.inbox import Inbox
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.outbox import Outbox, encode_message
from gdpeer.transport.poller import Poller, Timer, Watch
from gdpeer.transport.readiness import SelectorsBackend
from gdpeer.transport.stream import READ, WRITE
from tests.property.streams import cut, encode
from tests.unit.protocol.support import BINARY, CONTINUATION, PING, PONG, TEXT, frames_in, joined

MACHINES = settings(max_examples=settings.default.max_examples // 3, stateful_step_count=40)

SIZES = st.sampled_from([0, 1, 5, 124, 125, 126, 300, 16_383, 16_384, 65_535, 65_536, 70_000])


def filled(size: int, number: int) -> bytes:
    """ASCII, and another one for each number."""
    return (b"%d " % number * (size // 2 + 1))[:size]


# ---------------------------------------------------------------------------------------------- inbox


@dataclass
class Frame:
    """One that is on its way."""

    first: int
    data: bytes
    payload: bytes
    at: int = 0
    """How many of its bytes came."""
    begun: bool = False
    """Its head was taken while there was room."""

    @property
    def head(self) -> int:
        return len(self.data) - len(self.payload)

    @property
    def whole(self) -> bool:
        return self.at == len(self.data)


class InboxMachine(RuleBasedStateMachine):
    """Against two lists: the frames that are on their way, and the packets that wait."""

    @initialize(
        is_client=st.booleans(), most=st.sampled_from([0, 1, 2, 5, 1000]), room=st.sampled_from([0, 10, 1000, 2**70])
    )
    def begin(self, is_client: bool, most: int, room: int) -> None:
        limits = Limits(max_message_size=200_000, max_queued_packets=most, max_queued_bytes=room)
        self.inbox = Inbox(is_client, limits)
        self.most, self.room = most, room
        self.key = b"" if is_client else b"\x12\x00\xff\x34"
        self.rest = bytearray()
        self.number = 0
        self.frames: list[Frame] = []
        self.packets: list[tuple[bytes, bool]] = []
        self.partial: tuple[bytes, bool] | None = None
        self.controls: list[tuple[int, bytes]] = []
        self.received = 0
        self.was_text = False

    # what the other side sends

    def append(self, first: int, payload: bytes) -> None:
        self.frames.append(Frame(first, encode(first, payload, self.key), payload))

    @rule(size=SIZES, is_text=st.booleans(), places=st.lists(st.floats(0, 1), max_size=3), ping=st.booleans())
    def send(self, size: int, is_text: bool, places: list[float], ping: bool) -> None:
        self.number += 1
        pieces = cut(filled(size, self.number), places)
        for i, piece in enumerate(pieces):
            opcode = CONTINUATION if i else TEXT if is_text else BINARY
            self.append(opcode | (0x80 if i == len(pieces) - 1 else 0), piece)
            if ping:
                self.append(0x80 | (PING if i else PONG), b"%d" % i)

    @rule(times=st.sampled_from([20, 100]))
    def send_many(self, times: int) -> None:
        for _ in range(times):
            self.number += 1
            self.append(0x80 | (TEXT if self.number % 3 else BINARY), filled(3, self.number))

    @precondition(lambda self: any(not frame.whole for frame in self.frames))
    @rule(share=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, 1.0]), more=st.integers(0, 8))
    def arrive(self, share: float, more: int) -> None:
        """Some of the bytes come, and are parsed as far as there is room."""
        missing = sum(len(frame.data) - frame.at for frame in self.frames)
        count = min(missing, int(share * missing) + more)
        for frame in self.frames:
            piece = frame.data[frame.at : frame.at + count]
            frame.at += len(piece)
            count -= len(piece)
            self.rest += piece
        self.parse()

    # what the owner does

    @rule()
    def parse(self) -> None:
        got: list[tuple[int, bytes]] = []
        while True:
            at = self.inbox.parse(self.rest, 0, len(self.rest))
            del self.rest[:at]
            if self.inbox.opcode < 0:
                break
            got.append((self.inbox.opcode, self.inbox.payload))
        self.model_parse()
        assert got == self.controls
        self.controls.clear()

    def model_parse(self) -> None:
        while self.frames:
            frame = self.frames[0]
            if not frame.begun and (self.full or frame.at < frame.head):
                return
            if not frame.first & 8:
                frame.begun = True
            if not frame.whole:
                return
            self.frames.pop(0)
            self.take(frame)

    def take(self, frame: Frame) -> None:
        opcode = frame.first & 15
        if opcode & 8:
            self.controls.append((opcode, frame.payload))
            return
        before, is_text = self.partial or (b"", opcode == TEXT)
        self.partial = before + frame.payload, is_text
        if frame.first & 0x80:
            self.packets.append(self.partial)
            self.partial = None
            self.received += 1

    @precondition(lambda self: self.packets)
    @rule(times=st.sampled_from([1, 1, 3, 70]))
    def take_some(self, times: int) -> None:
        for packet, is_text in self.packets[:times]:
            assert self.inbox.next_packet() == packet
            assert self.inbox.was_text == is_text
            self.was_text = is_text
        del self.packets[:times]

    @precondition(lambda self: self.packets)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.packets) - 1))
        self.inbox.discard(index)
        del self.packets[index]

    @rule(step=st.sampled_from(["peek", "discard"]), index=st.sampled_from([-(2**40), -1, 0, 2**40]))
    def ask_for_none(self, step: str, index: int) -> None:
        index += len(self.packets) if index >= 0 else 0
        try:
            getattr(self.inbox, step)(index)
        except IndexError:
            return
        raise AssertionError("there is none")

    @property
    def full(self) -> bool:
        size = sum(len(packet) for packet, _ in self.packets)
        return bool(self.packets) and (len(self.packets) >= self.most or size >= self.room)

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "inbox"):
            return
        inbox = self.inbox
        assert [inbox.peek(i) for i in range(inbox.count)] == [packet for packet, _ in self.packets]
        assert inbox.queued_bytes == sum(len(packet) for packet, _ in self.packets)
        assert (inbox.received, inbox.is_full(), inbox.was_text) == (self.received, self.full, self.was_text)


TestInbox = InboxMachine.TestCase
TestInbox.settings = MACHINES


# ---------------------------------------------------------------------------------------------- outbox


class OutboxMachine(RuleBasedStateMachine):
    """Against one list of frames, and what was taken of their bytes."""

    @initialize(is_client=st.booleans(), threshold=st.none() | st.sampled_from([0, 200]))
    def begin(self, is_client: bool, threshold: int | None) -> None:
        self.is_client = is_client
        self.threshold = threshold
        self.outbox = Outbox(is_client)
        self.taken = bytearray()
        self.frames: list[tuple[int, bytes | None]] = []
        """Byte 0 and payload; None where it was compressed."""
        self.messages = self.control = 0
        if threshold is not None:
            self.outbox.compress(Deflater(), threshold)

    def add(self, first: int, payload: bytes | None) -> None:
        self.frames.append((first, payload))
        self.messages += not first & 8

    @rule(size=SIZES, is_text=st.booleans())
    def message(self, size: int, is_text: bool) -> None:
        payload = filled(size, len(self.frames))
        self.outbox.send_message(payload, is_text)
        compressed = self.threshold is not None and size >= self.threshold
        first = 0x80 | (TEXT if is_text else BINARY) | (0x40 if compressed else 0)
        self.add(first, None if compressed else payload)

    @rule(size=SIZES)
    def shared(self, size: int) -> None:
        assert self.outbox.can_share() == (not self.is_client and self.threshold is None)
        if self.outbox.can_share():
            payload = filled(size, len(self.frames))
            self.outbox.send_encoded(encode_message(payload, True))
            self.add(0x81, payload)

    @rule(size=st.integers(0, 125))
    def ping(self, size: int) -> None:
        payload = filled(size, len(self.frames))
        self.outbox.send_control(PING, payload)
        self.control += size + 6
        self.add(0x80 | PING, payload)

    @rule(most=st.sampled_from([0, 1, 2, 7, 130, 16_384, 65_540, 10**9, 10**9]))
    def send(self, most: int) -> None:
        """The system takes some, perhaps to the end of a chunk."""
        data = joined(self.outbox.data_to_send())[:most]
        self.taken += data
        self.outbox.data_sent(len(data))
        if not self.outbox.pending:
            self.messages = self.control = 0

    @rule(chunk=st.integers(0, 5))
    def send_chunks(self, chunk: int) -> None:
        self.send(sum(len(one) for one in self.outbox.data_to_send()[:chunk]))

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "outbox"):
            return
        outbox = self.outbox
        rest = joined(outbox.data_to_send())
        assert all(len(chunk) for chunk in outbox.data_to_send())
        assert outbox.pending == len(rest)
        assert (outbox.pending_messages, outbox.pending_control) == (self.messages, self.control)
        found = list(frames_in(bytes(self.taken) + rest))
        assert [first for first, _, _ in found] == [first for first, _ in self.frames]
        assert all(masked == self.is_client for _, masked, _ in found)
        for (_, _, payload), (_, wanted) in zip(found, self.frames, strict=True):
            assert wanted is None or payload == wanted


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = MACHINES


# ---------------------------------------------------------------------------------------------- poller


@dataclass(eq=False)
class Ends:
    """A pair of sockets, ours watched by the poller, and how often it was called for it in a turn."""

    ours: socket.socket
    theirs: socket.socket
    watch: Watch
    waiting: int = 0
    closed: bool = False
    """The other end is."""
    since: int = 0
    """The turn in which it was attached last."""
    calls: int = 0
    acts: list[Callable[[], Any]] = field(default_factory=list)
    """What its next call does."""

    @property
    def ready(self) -> int:
        if not self.watch.mask:
            return 0
        if self.closed:
            return READ | WRITE
        return self.watch.mask & ((READ if self.waiting else 0) | WRITE)


class Thrown(Exception):
    """Raised by a callback."""


class PollerMachine(RuleBasedStateMachine):
    """Against what the poller promises; callbacks do everything that the rules do."""

    @initialize(direct=st.booleans())
    def begin(self, direct: bool) -> None:
        self.clock = ManualClock(100.0)
        self.poller = Poller(self.clock, backend=None if direct else SelectorsBackend())
        self.direct = direct
        self.turns = 0
        self.ends: list[Ends] = []
        self.soon: list[int] = []
        self.timers: dict[int, Timer] = {}
        self.ran: list[int] = []
        self.number = 0
        self.in_turn = False

    def teardown(self) -> None:
        if hasattr(self, "poller"):
            self.poller.close()
            for ends in self.ends:
                ends.ours.close()
                ends.theirs.close()

    # what can be done outside of a turn and within

    @precondition(lambda self: len(self.ends) < 6)
    @rule()
    def open(self) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self.ends.append(Ends(ours, theirs, Watch(ours.fileno())))
        self.attach(len(self.ends) - 1)

    def pick(self, index: int) -> Ends | None:
        return self.ends[index % len(self.ends)] if self.ends else None

    INDEX = st.integers(0, 5)

    @rule(index=INDEX)
    def attach(self, index: int) -> None:
        if (ends := self.pick(index)) is not None:
            ends.watch.attach(self.poller, lambda events: self.called(ends, events))
            ends.since = self.turns

    @rule(index=INDEX)
    def detach(self, index: int) -> None:
        if (ends := self.pick(index)) is not None:
            ends.watch.detach()

    @rule(index=INDEX, read=st.booleans(), write=st.booleans())
    def want(self, index: int, read: bool, write: bool) -> None:
        if (ends := self.pick(index)) is not None:
            ends.watch.want(read, write)

    @rule(index=INDEX)
    def arrive(self, index: int) -> None:
        if (ends := self.pick(index)) is not None and not ends.closed:
            ends.waiting += ends.theirs.send(b"x")

    @rule(index=INDEX)
    def drain(self, index: int) -> None:
        if (ends := self.pick(index)) is not None and ends.waiting:
            assert len(ends.ours.recv(1000)) == ends.waiting
            ends.waiting = 0

    @rule(index=INDEX)
    def hang_up(self, index: int) -> None:
        if (ends := self.pick(index)) is not None:
            ends.theirs.close()
            ends.closed = True

    @rule(index=INDEX)
    def replace(self, index: int) -> None:
        """As a rule the new one has the number of the old."""
        if (ends := self.pick(index)) is not None:
            ends.watch.detach()
            self.ends.remove(ends)
            ends.ours.close()
            ends.theirs.close()
            self.open()
            self.arrive(len(self.ends) - 1)

    @rule()
    def ask_soon(self) -> None:
        self.number += 1
        number = self.number
        self.soon.append(number)
        self.poller.soon(lambda: self.ran_soon(number))

    @rule(seconds=st.sampled_from([-1.0, 0.0, 1.0, 1.0, 5.0]))
    def ask_timer(self, seconds: float) -> None:
        self.number += 1
        number = self.number
        self.timers[number] = self.poller.call_at(self.clock.now() + seconds, lambda: self.ran_timer(number))

    @precondition(lambda self: self.timers)
    @rule(index=st.integers(0, 100))
    def cancel(self, index: int) -> None:
        if self.timers:
            number = list(self.timers)[index % len(self.timers)]
            self.timers.pop(number).cancel()

    @rule()
    def nest(self) -> None:
        """A turn within a turn; outside of one it is `turn`."""
        if not self.in_turn:
            self.turn()
        else:
            self.turns += 1
            self.poller.turn()

    # callbacks

    ON_ENDS = ("attach", "detach", "want", "arrive", "drain", "hang_up", "replace")
    ACTS = st.sampled_from([*ON_ENDS, "open", "ask_soon", "ask_timer", "cancel", "nest", "throw"])

    @precondition(lambda self: self.ends)
    @rule(index=INDEX, name=ACTS, other=INDEX, flags=st.tuples(st.booleans(), st.booleans()))
    def act_in_callback(self, index: int, name: str, other: int, flags: tuple[bool, bool]) -> None:
        """The next call of one pair does this."""
        arguments: dict[str, tuple[Any, ...]] = {"want": (other, *flags), "ask_timer": (0.0,)}
        plain = ("open", "ask_soon", "nest", "throw")
        chosen = arguments.get(name, () if name in plain else (other,))
        ends = self.pick(index)
        assert ends is not None
        if name != "open" or len(self.ends) < 6:
            ends.acts.append(lambda: getattr(self, name)(*chosen))

    @precondition(lambda self: len(self.ends) > 1)
    @rule(name=st.sampled_from([*ON_ENDS, "replace", "replace"]), shift=st.integers(1, 5))
    def act_in_all_callbacks(self, name: str, shift: int) -> None:
        """All are ready, and the call of each does this to another one."""
        for index in range(len(self.ends)):
            self.arrive(index)
            self.act_in_callback(index, name, index + shift, (True, False))
        self.turn()

    def throw(self) -> None:
        raise Thrown

    def called(self, ends: Ends, events: int) -> None:
        assert self.in_turn
        assert ends in self.ends, "it is gone"
        assert ends.watch.poller is self.poller, "it is not attached"
        assert ends.since < self.turns, "it was attached in this turn"
        ends.calls += 1
        if ends.acts:
            ends.acts.pop(0)()

    def ran_soon(self, number: int) -> None:
        assert self.soon.pop(0) == number
        self.ran.append(number)

    def ran_timer(self, number: int) -> None:
        assert self.timers.pop(number).when <= self.clock.now()
        self.ran.append(number)

    # turns

    @rule(seconds=st.sampled_from([0.5, 2.0]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def turn(self) -> None:
        expected = {ends: ends.ready for ends in self.ends if ends.watch.poller is not None}
        is_quiet = not any(ends.acts for ends in expected)
        soon = list(self.soon)
        due = [number for number, timer in self.timers.items() if timer.when <= self.clock.now()]
        for ends in self.ends:
            ends.calls = 0
        self.ran.clear()
        self.turns += 1
        self.in_turn = True
        try:
            self.poller.turn()
        except Thrown:
            assert not is_quiet
            return
        finally:
            self.in_turn = False
        if is_quiet:
            assert {ends: ends.calls for ends in expected} == {ends: int(ready > 0) for ends, ready in expected.items()}
            assert self.ran[: len(soon)] == soon
            assert sorted(self.ran[len(soon) :]) == sorted(due)
        else:
            assert set(soon) <= set(self.ran)


TestPoller = PollerMachine.TestCase
TestPoller.settings = MACHINES
