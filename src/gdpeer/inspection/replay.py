"""A recording played again: what the clients said then is said to a server now, and its answers are compared.

Everything is done in the recorded order, over all clients. Who came in has to be in, with its id where it had one,
before it says something, and what it says waits for the answers that had come before: so what a client says in answer
to its server comes after it now, too, at any speed. A client whose answer does not come waits for no more.

Compared are what a server says of the game's own: calls, sets and raw packets, or text and binary messages. How nodes
are named on the way (SIMPLIFY_PATH and the like) differs from server to server.

Layer: `inspection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple, TypeAlias

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Error, GdpeerError, TransportError
from gdpeer.inspection.decoded import Decoded
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import NORMAL, Direction, End, Message, close
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import Recording
from gdpeer.inspection.replay_ids import Ids, payload
from gdpeer.inspection.tunnel import LARGEST, Ended, Event, Opened, Passed
from gdpeer.protocol.url import Url
from gdpeer.transport.poller import Poller
from gdpeer.variant.text.text import var_to_str
from gdpeer.websocket._peer import take_turn
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.backend.native import NativeBackend, leave
from gdpeer.websocket.connecting import connect
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["Difference", "Player", "Replay", "ReplayError"]

PATIENCE = 10.0
"""Seconds for a client to come in, and for its messages to find room."""

LINGER = 2.0
"""Seconds for answers that do not come."""

MOST_COMPARED = 4_000_000
"""Pairs of answers that are looked at to find which belong together; beyond it they are compared one by one."""

COMPARED = ("rpc", "rset", "raw", "text", "binary")


class ReplayError(GdpeerError):
    """The recording cannot be played to its end; the text says why."""


class Answer(NamedTuple):
    """What a server said."""

    decoded: Decoded
    payload: bytes


NOTHING = Answer(Decoded(""), b"")

Said: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that is another one, is missing, or was not there then.

    Attributes:
        number: of the recorded answer, from 1 on.
        expected, got: in words.
        label: what it is: `PATH:METHOD` of a call, else the command.
    """

    number: int
    expected: str
    got: str
    label: str


class Player:
    """One client of the recording.

    Args:
        line: its number.
        events: of this client.
        dialect: as recorded.
        names: of methods, as far as they are known.
        ignored: globs for `PATH:METHOD`, a method or a command: such answers do not count.

    Attributes:
        dialect: as found.
        sent: messages so far.
        expected: the answers then.
        answers: those now.
        id_then: the id that it had; None where there was none.
    """

    def __init__(
        self, line: int, events: Sequence[Event], dialect: str, names: MethodNames, ignored: Sequence[str]
    ) -> None:
        self.line = line
        self._ignored = ignored
        self.sent = 0
        self.expected: list[Answer] = []
        self.answers: list[Answer] = []
        self._peer: WebSocketPeer | None = None
        self._backend: NativeBackend | None = None
        then = Decoder(dialect, names)
        self._needed: deque[int] = deque()  # answers that had come before each thing that it does
        self._is_out_of_step = False
        for event in events:
            if is_the_clients(event):
                self._needed.append(len(self.expected))
            if isinstance(event, Passed):
                self._note(event, then, self.expected)
        self.dialect = then.dialect
        self.id_then = then.peer_id
        self._now = Decoder(self.dialect, names)

    @property
    def id_now(self) -> int | None:
        """The id that it has now."""
        return self._now.peer_id

    def begin(self, backend: NativeBackend, peer: WebSocketPeer) -> None:
        """It connects."""
        self._backend, self._peer = backend, peer

    def is_in(self) -> bool:
        """Whether it can speak."""
        is_open = self._backend is not None and self._backend.is_open()
        return is_open and (self.id_then is None or self.id_now is not None)

    def is_in_step(self) -> bool:
        """Whether as many answers have come as before the next thing that it does."""
        return self._is_out_of_step or len(self.answers) >= self._needed[0]

    def step(self) -> None:
        """It has done it."""
        self._needed.popleft()

    def wait_no_more(self) -> None:
        """An answer does not come."""
        self._is_out_of_step = True

    def has_all(self) -> bool:
        """Whether as many answers have come as then."""
        return self._is_out_of_step or len(self.answers) >= len(self.expected)

    def lost(self) -> str:
        """Why its connection is over; "" while it is not."""
        backend = self._backend
        return str(backend.cause) if backend is not None and backend.stage >= Stage.PARTING else ""

    def hear(self) -> None:
        """Take the answers that are there."""
        assert self._peer is not None
        for packet in self._peer:
            message = Message(packet, self._peer.was_string_packet())
            self._note(Passed(0.0, self.line, Direction.TO_CLIENT, message, False), self._now, self.answers)

    def send(self, message: Message, ids: Ids) -> bool:
        """Say something, as it is to be said now; False while there is no room."""
        assert self._backend is not None
        data = ids.translate(self.dialect, message.data)
        if self._backend.send(data, message.is_text) is Error.ERR_OUT_OF_MEMORY:
            return False
        self.sent += 1
        return True

    def end(self, end: End) -> None:
        """Leave as then, but never without a close frame: that could lose what was said before."""
        assert self._peer is not None
        close(self._peer, end if end.code >= 0 else End(NORMAL, ""))

    def _note(self, event: Passed, decoder: Decoder, answers: list[Answer]) -> None:
        """Add a message to the answers, if it is one that counts."""
        decoded = decoder.decode(event.direction, event.message)
        if event.direction is not Direction.TO_CLIENT or decoded.command not in COMPARED:
            return
        if not decoded.is_like(self._ignored):
            answers.append(Answer(decoded, payload(decoder.dialect, event.message.data)))

    def differences(self, ids: Ids) -> list[Difference]:
        """Every answer that differs, ids put aside, in order.

        Args:
            ids: which id stands for which.
        """
        then, now = [said(one, Ids()) for one in self.expected], [said(one, ids) for one in self.answers]
        found = []
        for first, last, other, end in changes(then, now):
            for index in range(max(last - first, end - other)):
                expected = self.expected[first + index] if first + index < last else None
                got = self.answers[other + index] if other + index < end else None
                label = (expected or got or NOTHING).decoded.label
                number = min(first + index, max(first, last - 1)) + 1
                found.append(Difference(number, in_words(expected), in_words(got), label))
        return found


def changes(then: Sequence[Said], now: Sequence[Said]) -> Iterator[tuple[int, int, int, int]]:
    """Where two lists differ: from and to in the one, from and to in the other. What is alike is put side by side."""
    begin = next((at for at, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
    rest_then, rest_now = then[begin:], now[begin:]
    if len(rest_then) * len(rest_now) > MOST_COMPARED:
        for at in range(begin, max(len(then), len(now))):
            if then[at : at + 1] != now[at : at + 1]:
                yield min(at, len(then)), min(at + 1, len(then)), min(at, len(now)), min(at + 1, len(now))
        return
    for tag, first, last, other, end in SequenceMatcher(None, rest_then, rest_now, autojunk=False).get_opcodes():
        if tag != "equal":
            yield begin + first, begin + last, begin + other, begin + end


def in_words(answer: Answer | None) -> str:
    """An answer, or none."""
    return "nothing" if answer is None else answer.decoded.summary()


def said(answer: Answer, ids: Ids) -> Said:
    """What counts of an answer: who said it, as it was called then, and what; not by which number a node was called."""
    what = answer.decoded
    source = ids.then(what.source)
    if not what.method:
        return (what.command, source, answer.payload)
    return (what.command, source, what.path, what.method, *(var_to_str(value, what.engine) for value in what.arguments))


class Replay:
    """The whole.

    Args:
        recording: what to play.
        url: the server.
        tls: for `wss`; None: the machine's authorities.
        speed: 2.0 is twice as fast; infinite: without pauses.
        lines: which clients; empty: all.
        names: of methods, as far as they are known.
        ignored: globs for `PATH:METHOD`, a method or a command: such answers do not count.
        clock: tells the time.

    Attributes:
        players: the clients.
        ids: which id stands for which.

    Raises:
        ReplayError: a client that was asked for is not in the recording.
    """

    def __init__(
        self,
        recording: Recording,
        url: Url,
        tls: TLSOptions | None = None,
        *,
        speed: float = 1.0,
        lines: Sequence[int] = (),
        names: MethodNames | None = None,
        ignored: Sequence[str] = (),
        clock: Clock = MONOTONIC,
    ) -> None:
        names = names or MethodNames()
        there = recording.peers()
        for line in lines:
            if line not in there:
                raise ReplayError(f"there is no peer {line} in the recording, but {', '.join(map(str, there))}")
        self.ids = Ids()
        self.players = {
            line: Player(line, events, recording.dialect, names, ignored)
            for line, events in events_by_line(recording).items()
            if not lines or line in lines
        }
        self._events = [event for event in recording.events if event.line in self.players and is_the_clients(event)]
        self._at = 0
        self._url, self._tls, self._clock, self._speed = url, tls, clock, speed
        self._poller = Poller(clock)
        self._turn = Turn(self._poller)
        self._peers: dict[int, WebSocketPeer] = {}
        self._began = self._done_at = clock.now()

    def poll(self, timeout: float) -> bool:
        """One turn.

        Args:
            timeout: seconds to wait at most.

        Returns:
            Whether there is more to do.

        Raises:
            ReplayError: a client cannot come in, or was thrown out with something still to say.
        """
        take_turn(self._turn, self._wait(timeout), self._peers, self._tell, self._look_at)
        while (event := self._due_event()) is not None and self._do(event):
            self._at += 1
            self.players[event.line].step()
            self._done_at = self._clock.now()
        if event is not None:
            self._check_patience(event)
        return self._at < len(self._events) or not self._is_answered() or not self._have_left()

    def _wait(self, timeout: float) -> float:
        if self._at == len(self._events) or self._due_event() is not None:
            return timeout
        return min(timeout, self._due(self._events[self._at]) - self._clock.now())

    def _due(self, event: Event) -> float:
        return self._began + (event.time - self._events[0].time) / self._speed

    def _due_event(self) -> Event | None:
        """What is to be done now; None: nothing."""
        if self._at == len(self._events):
            return None
        event = self._events[self._at]
        return event if self._due(event) <= self._clock.now() else None

    def _is_answered(self) -> bool:
        """Whether all answers are there, or will not come any more."""
        has_waited = self._clock.now() - self._done_at >= LINGER
        return has_waited or all(player.has_all() or player.lost() for player in self.players.values())

    def _have_left(self) -> bool:
        """Close whoever is still there; whether all have heard the answer, before which all that was said is there."""
        players = [self.players[line] for line in self._peers]
        for player in players:
            player.end(End(NORMAL, ""))
        return all(player.lost() for player in players)

    def _check_patience(self, event: Event) -> None:
        waited = self._clock.now() - max(self._done_at, self._due(event))
        player = self.players[event.line]
        if waited >= LINGER and player.is_in():
            player.wait_no_more()
        if waited >= PATIENCE:
            raise ReplayError(f"peer {event.line}: no progress for {PATIENCE:g} seconds")

    def _tell(self, peer_id: int) -> None:
        player = self.players[peer_id]
        player.hear()
        if player.id_then is not None and player.id_now is not None:
            self.ids.learn(player.id_then, player.id_now)

    def _look_at(self, backend: NativeBackend) -> None:
        backend.was_refused = False
        backend.settle()

    # ------------------------------------------------------------------------------------------ what is done

    def _do(self, event: Event) -> bool:
        """Do what is due; False where it has to wait."""
        player = self.players[event.line]
        if isinstance(event, Opened):
            self._open(player, event)
            return True
        if player.lost():
            return self._do_without(player, event)
        if not player.is_in() or not player.is_in_step():
            return False
        if isinstance(event, Passed):
            return player.send(event.message, self.ids)
        assert isinstance(event, Ended)
        player.end(End(event.code, event.reason))
        return True

    def _do_without(self, player: Player, event: Event) -> bool:
        """The client is out, which is well only where there is nothing more to say."""
        if isinstance(event, Passed):
            raise ReplayError(f"peer {player.line}, message {player.sent + 1}: {player.lost()}")
        return True

    def _open(self, player: Player, event: Opened) -> None:
        settings = Settings(
            supported_protocols=(event.protocol,) if event.protocol else (),
            inbound_buffer_size=LARGEST,
            outbound_buffer_size=LARGEST,
            close_timeout=PATIENCE,
        )
        try:
            backend = connect(self._url, self._tls, settings, self._clock, self._turn)
        except TransportError as problem:
            raise ReplayError(f"peer {player.line}: {problem}") from None
        backend.peer_id = player.line
        self._peers[player.line] = peer = WebSocketPeer._of_server(settings, self._clock, self._turn, backend)
        player.begin(backend, peer)

    def stop(self) -> None:
        """Leave, where it was not played to its end."""
        leave([peer._backend for peer in self._peers.values() if peer._backend is not None], NORMAL, "")
        self._poller.close()


def events_by_line(recording: Recording) -> dict[int, list[Event]]:
    """The events of each client."""
    found: dict[int, list[Event]] = {line: [] for line in recording.peers()}
    for event in recording.events:
        if event.line in found:
            found[event.line].append(event)
    return found


def is_the_clients(event: Event) -> bool:
    """Whether a client did it: that is what is done again."""
    if isinstance(event, Passed | Ended):
        return event.direction is Direction.TO_SERVER
    return isinstance(event, Opened)
