"""Plays a recording again: sends the recorded messages of the clients to a server, and compares its answers.

The clients act in the recorded order. A client sends nothing before it is connected and, if it had a peer id, has a new
one. Before each step it also waits until as many answers have come as had come then, so that a reply to the server
stays a reply at any speed. After one answer fails to come, the client no longer waits for answers.

Compared are the messages of the game itself (calls, sets and raw packets, or text and binary messages), the order of
SPAWNs and that of DESPAWNs, and the last value of each replicated property (`replay_nodes`). Packets that number the
nodes (SIMPLIFY_PATH and the like) differ from server to server. A client confirms a path as soon as the server has told
the path, with the server's new number.

Layer: `inspection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple, TypeAlias

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Error, GdpeerError, PacketError, TransportError
from gdpeer.inspection.decoded import Decoded
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import NORMAL, Direction, End, Message, close
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import Recording
from gdpeer.inspection.replay_ids import Ids, payload
from gdpeer.inspection.replay_nodes import NODES, Nodes, SpawnOrDespawn
from gdpeer.inspection.tunnel import LARGEST, Ended, Event, Opened, Passed
from gdpeer.multiplayer.wire.godot4 import Command, ConfirmPath, parse
from gdpeer.protocol.url import Url
from gdpeer.transport.poller import Poller
from gdpeer.variant.text.text import var_to_str
from gdpeer.websocket._peer import backends_of, take_turn
from gdpeer.websocket.backend.base import Backend, Turn, leave
from gdpeer.websocket.connecting import connect
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["Difference", "Player", "Replay", "ReplayError"]

PATIENCE = 10.0
"""Seconds that a client may take to connect, or to find room for a message."""

LINGER = 2.0
"""Seconds to wait for answers that do not come."""

MOST_COMPARED = 4_000_000
"""The most pairs of answers that are compared to find which belong together. Longer lists are compared in order."""

COMPARED = ("rpc", "rset", "raw", "text", "binary")

ALL_VALUES = 1 << 30

SERVER = 1
CONFIRM_PATH = bytes([Command.CONFIRM_PATH])


class ReplayError(GdpeerError):
    """The recording cannot be played to its end; the message says why."""


class Answer(NamedTuple):
    """A server's message; `payload` holds its bytes without the peer ids before them."""

    decoded: Decoded
    payload: bytes


NOTHING = Decoded("", detail="nothing")

Comparable: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that has changed, is missing, or is new.

    Attributes:
        number: of the recorded answer, or of the SPAWN or DESPAWN, from 1 on; 0: the last value of a property.
        expected, got: the recorded and the new answer in words; "nothing" if there is none.
        label: `PATH:METHOD` for a call, `NODE:PROPERTY` for a property, else the command.
        kind: `answer`, `spawn`, `despawn` or `value`.
    """

    number: int
    expected: str
    got: str
    label: str
    kind: str = "answer"


class Player:
    """One client of the recording, and its new connection.

    Args:
        line: the client's number.
        events: of this client.
        dialect, names, ignored: as for `Replay`.

    Attributes:
        dialect: the dialect found; "auto" if the client has no messages.
        sent: number of messages sent so far.
        expected: the recorded answers.
        answers: the new answers so far.
        nodes_then, nodes: what spawners and synchronizers have sent, recorded and new.
        id_then: the recorded peer id; None if the client had none.
        needed: for each step still to come, how many answers had come before it.
        is_out_of_step: whether an answer has failed to come, so that the client no longer waits for answers.
        backend, peer: the new connection, which need not be open yet.
    """

    def __init__(
        self, line: int, events: Sequence[Event], dialect: str, names: MethodNames, ignored: Sequence[str]
    ) -> None:
        self.line = line
        self._ignored = ignored
        self.sent = 0
        self.expected: list[Answer] = []
        self.answers: list[Answer] = []
        self.nodes_then, self.nodes = Nodes(), Nodes()
        self._compared = (-1, False)
        self.peer: WebSocketPeer | None = None
        self.backend: Backend | None = None
        self._then = then = Decoder(dialect, names, ALL_VALUES)
        self.needed: deque[int] = deque()
        self.is_out_of_step = False
        for event in events:
            if is_the_clients(event):
                self.needed.append(len(self.expected) + self.nodes_then.count)
            if isinstance(event, Passed):
                self._note(event.direction, event.message, then, self.expected, self.nodes_then)
        self.dialect = then.dialect
        self.id_then = then.peer_id
        self._now = Decoder(self.dialect, names, ALL_VALUES)

    @property
    def id_now(self) -> int | None:
        """The new peer id; None before the server has sent it."""
        return self._now.peer_id

    def is_in(self) -> bool:
        """Returns whether the client can send: it is connected, and has a peer id if it had one."""
        is_open = self.backend is not None and self.backend.is_open()
        return is_open and (self.id_then is None or self.id_now is not None)

    def is_in_step(self) -> bool:
        """Returns whether as many answers have come as had come before the next recorded step."""
        return self.is_out_of_step or len(self.answers) + self.nodes.count >= self.needed[0]

    def has_all(self, ids: Ids) -> bool:
        """Returns whether as many answers have come as were recorded, and the last values; or the client no longer
        waits for them.
        """
        if self.is_out_of_step:
            return True
        count = len(self.answers) + self.nodes.count
        return count >= len(self.expected) + self.nodes_then.count and self.has_values(ids)

    def has_values(self, ids: Ids) -> bool:
        """Returns whether the last value of each property is the recorded one, or the client no longer waits."""
        if self.is_out_of_step:
            return True
        version, has = self._compared
        if version != self.nodes.version:
            has = not self.nodes_then.differences(self.nodes, ids, self._ignored)
            self._compared = self.nodes.version, has
        return has

    def is_told(self, data: bytes, ids: Ids) -> bool:
        """Returns whether the path has been told that the client confirms in a message."""
        return bool(self._with_number(data, ids))

    def _with_number(self, data: bytes, ids: Ids) -> bytes:
        """Returns a recorded CONFIRM_PATH with the new number of its path; empty if the path has not been told yet.
        Returns other messages as they are.
        """
        found = confirmation_in(self.dialect, data)
        if found is None:
            return data
        source, head, answer = found
        path = answer.path if answer.cache_id is None else self._then.paths_of(source).name(answer.cache_id)
        path = ids.path_now(path or "")
        number = self._now.paths_of(ids.now(source)).number(path)
        if number is None:
            return b""
        new = ConfirmPath(answer.matches, number) if answer.cache_id is not None else answer._replace(path=path)
        return head + new.encode()

    def lost(self) -> str:
        """Returns why the connection ended; "" while it has not."""
        backend = self.backend
        return str(backend.cause) if backend is not None and backend.stage >= Stage.PARTING else ""

    def hear(self) -> None:
        """Reads the messages that came, and notes the answers among them."""
        assert self.peer is not None
        for packet in self.peer:
            message = Message(packet, self.peer.was_string_packet())
            self._note(Direction.TO_CLIENT, message, self._now, self.answers, self.nodes)

    def send(self, message: Message, ids: Ids) -> bool:
        """Sends a recorded message with the new peer ids; returns False if there is no room for it now."""
        assert self.backend is not None
        data = ids.translate(self.dialect, self._with_number(message.data, ids) or message.data)
        if self.backend.send(data, message.is_text) is Error.ERR_OUT_OF_MEMORY:
            return False
        self.sent += 1
        return True

    def end(self, end: End) -> None:
        """Closes the connection as recorded."""
        assert self.peer is not None
        # Always with a close frame: a broken connection could lose messages that were sent before.
        close(self.peer, end if end.code >= 0 else End(NORMAL, ""))

    def _note(
        self, direction: Direction, message: Message, decoder: Decoder, answers: list[Answer], nodes: Nodes
    ) -> None:
        """Adds a message to the answers, if it is one to compare."""
        # Decode all messages: the packets that number the nodes are not compared, but name the nodes of later calls.
        decoded = decoder.decode(direction, message)
        if direction is not Direction.TO_CLIENT:
            return
        is_ignored = decoded.is_like(self._ignored)
        if decoded.command in COMPARED and not is_ignored:
            answers.append(Answer(decoded, payload(decoder.dialect, message.data)))
        if decoded.command in NODES and not is_ignored:
            nodes.note_node(decoded, payload(decoder.dialect, message.data))
        if decoded.states and not is_ignored:
            nodes.note_values(decoded)

    def differences(self, ids: Ids) -> list[Difference]:
        """Returns all answers and last values that differ, in order. Peer ids that stand for each other in `ids` count
        as equal.
        """
        return [*self._answer_differences(ids), *self._node_differences(ids)]

    def _node_differences(self, ids: Ids) -> Iterator[Difference]:
        then, now = self.nodes_then, self.nodes
        yield from node_differences("spawn", then.spawns, now.spawns, ids)
        yield from node_differences("despawn", then.despawns, now.despawns, ids)
        for label, expected, got in then.differences(now, ids, self._ignored):
            yield Difference(0, expected, got, label, "value")

    def _answer_differences(self, ids: Ids) -> list[Difference]:
        then, now = [comparable(one, Ids()) for one in self.expected], [comparable(one, ids) for one in self.answers]
        found = []
        for number, at, other in pairs(then, now):
            expected = NOTHING if at is None else self.expected[at].decoded
            got = NOTHING if other is None else self.answers[other].decoded
            found.append(Difference(number, expected.summary(), got.summary(), expected.label or got.label))
        return found


def node_differences(
    kind: str, then: Sequence[SpawnOrDespawn], now: Sequence[SpawnOrDespawn], ids: Ids
) -> Iterator[Difference]:
    """Yields the SPAWNs or DESPAWNs that differ, in order."""
    for number, at, other in pairs([one.comparable(Ids()) for one in then], [one.comparable(ids) for one in now]):
        expected = "nothing" if at is None else then[at].summary()
        got = "nothing" if other is None else now[other].summary()
        yield Difference(number, expected, got, kind, kind)


def pairs(then: Sequence[Comparable], now: Sequence[Comparable]) -> Iterator[tuple[int, int | None, int | None]]:
    """Yields a number from 1 on, and where the entries of two lists are that differ; None: there is no such entry."""
    for first, last, other, end in changes(then, now):
        for index in range(max(last - first, end - other)):
            at = first + index if first + index < last else None
            # An additional entry gets the number of the last recorded one beside it.
            number = min(first + index, max(first, last - 1)) + 1
            yield number, at, other + index if other + index < end else None


def confirmation_in(dialect: str, data: bytes) -> tuple[int, bytes, ConfirmPath] | None:
    """Returns who is to get a CONFIRM_PATH, the bytes before it, and the packet; None for another message."""
    inner = payload(dialect, data)
    if dialect != "godot4" or inner[:1] != CONFIRM_PATH:
        return None
    head = data[: len(data) - len(inner)]
    try:
        packet = parse(inner)
    except PacketError:  # a recording may hold anything
        return None
    assert isinstance(packet, ConfirmPath)
    return (int.from_bytes(head[2:], "little", signed=True) if head else SERVER), head, packet


def changes(then: Sequence[Comparable], now: Sequence[Comparable]) -> Iterator[tuple[int, int, int, int]]:
    """Yields where two lists differ: begin and end in the first list, begin and end in the second."""
    # Skip the equal beginning: often it is everything, and SequenceMatcher takes quadratic time.
    begin = next((at for at, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
    rest_then, rest_now = then[begin:], now[begin:]
    if len(rest_then) * len(rest_now) > MOST_COMPARED:
        # One missing answer then makes all later ones differ, but the comparison ends in reasonable time.
        for at in range(begin, max(len(then), len(now))):
            if then[at : at + 1] != now[at : at + 1]:
                yield min(at, len(then)), min(at + 1, len(then)), min(at, len(now)), min(at + 1, len(now))
        return
    for tag, first, last, other, end in SequenceMatcher(None, rest_then, rest_now, autojunk=False).get_opcodes():
        if tag != "equal":
            yield begin + first, begin + last, begin + other, begin + end


def comparable(answer: Answer, ids: Ids) -> Comparable:
    """Returns the parts of an answer that are compared, with the recorded peer id as the source.

    The numbers of nodes are left out, because they differ from session to session.
    """
    what = answer.decoded
    source = ids.then(what.source)
    if not what.method:
        return (what.command, source, answer.payload)
    values = (var_to_str(ids.value_then(value), what.engine) for value in what.arguments)
    return (what.command, source, ids.path_then(what.path), what.method, *values)


class Replay:
    """Plays a recording to its end, while `poll` is called.

    Args:
        recording: the recording to play.
        url: of the server.
        tls: for `wss`; None trusts the machine's certificate authorities.
        speed: 2.0 is twice as fast; infinity plays without pauses.
        lines: the numbers of the clients to play; empty for all.
        names: the known names of methods.
        ignored: globs for `PATH:METHOD`, a method, a command, `NODE:PROPERTY` or a property. What matches is not
            compared.
        clock: tells the time.

    Attributes:
        players: the clients, by number.
        ids: the recorded and the new peer ids.

    Raises:
        ReplayError: a number in `lines` is not in the recording.
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
                raise ReplayError(f"the recording has no peer {line}, only {', '.join(map(str, there))}")
        self.ids = Ids()
        self.players = {
            line: Player(line, events, recording.dialect, names, ignored)
            for line, events in events_by_line(recording).items()
            if not lines or line in lines
        }
        self._left = deque(one for one in recording.events if one.line in self.players and is_the_clients(one))
        self._first_time = self._left[0].time if self._left else 0.0
        self._url, self._tls, self._clock, self._speed = url, tls, clock, speed
        self._poller = Poller(clock)
        self._turn = Turn(self._poller)
        self._peers: dict[int, WebSocketPeer] = {}
        self._began = self._done_at = clock.now()

    def poll(self, timeout: float) -> bool:
        """Reads the answers that came, then does the recorded steps that are due.

        Args:
            timeout: the most seconds to wait for an answer or for the next step.

        Returns:
            Whether to call `poll` again; False when all steps are done, all answers came and all clients have left.

        Raises:
            ReplayError: a client cannot connect, or lost its connection before its last message.
        """
        take_turn(self._turn, self._wait(timeout), self._peers, self._on_messages, self._on_change)
        while (event := self._due_event()) is not None and self._do(event):
            self._left.popleft()
            self.players[event.line].needed.popleft()
            self._done_at = self._clock.now()
        if event is not None:
            self._check_patience(event)
        return bool(self._left) or not self._is_answered() or not self._have_left()

    def _wait(self, timeout: float) -> float:
        # A step that is due waits for an answer or for room, not for its time.
        if not self._left or self._due_event() is not None:
            return timeout
        return min(timeout, self._due(self._left[0]) - self._clock.now())

    def _due(self, event: Event) -> float:
        return self._began + (event.time - self._first_time) / self._speed

    def _due_event(self) -> Event | None:
        """Returns the next recorded step if its time has come, else None."""
        return self._left[0] if self._left and self._due(self._left[0]) <= self._clock.now() else None

    def _is_answered(self) -> bool:
        """Returns whether all answers have come, or will no longer come."""
        has_waited = self._clock.now() - self._done_at >= LINGER
        return has_waited or all(player.has_all(self.ids) or player.lost() for player in self.players.values())

    def _have_left(self) -> bool:
        """Closes all clients that are left, and returns whether the server has answered all closes."""
        # The server's answer to a close comes after all that it said before, so then no message can be missing.
        players = [self.players[line] for line in self._peers]
        for player in players:
            player.end(End(NORMAL, ""))
        return all(player.lost() for player in players)

    def _check_patience(self, event: Event) -> None:
        waited = self._clock.now() - max(self._done_at, self._due(event))
        player = self.players[event.line]
        # A connected client waits for an answer that may never come. Without a connection, only patience helps.
        if waited >= LINGER and player.is_in():
            for one in self._leaving() if isinstance(event, Ended) else [player]:
                one.is_out_of_step = True
        if waited >= PATIENCE:
            raise ReplayError(f"peer {event.line}: no progress for {PATIENCE:g} seconds")

    def _on_messages(self, peer_id: int) -> None:
        player = self.players[peer_id]
        player.hear()
        # The id comes with the first message, and other clients may need it before this client's next step.
        if player.id_then is not None and player.id_now is not None:
            self.ids.learn(player.id_then, player.id_now)

    def _on_change(self, backend: Backend) -> None:
        backend.was_refused = False
        backend.settle()

    def _do(self, event: Event) -> bool:
        """Does a recorded step; returns False if the client has to wait with it.

        Raises:
            ReplayError: a client cannot connect, or lost its connection before this message.
        """
        player = self.players[event.line]
        # Do not wait for the connection to open: the client's next step does, and other clients go on meanwhile.
        if isinstance(event, Opened):
            self._open(player, event)
            return True
        if why := player.lost():
            if isinstance(event, Passed):
                raise ReplayError(f"peer {player.line}, message {player.sent + 1}: {why}")
            return True  # the client is to close a connection that the server has closed meanwhile
        if not player.is_in() or not player.is_in_step() or not self._is_ready(player, event):
            return False
        if isinstance(event, Passed):
            return player.send(event.message, self.ids)
        assert isinstance(event, Ended)
        player.end(End(event.code, event.reason))
        return True

    def _is_ready(self, player: Player, event: Event) -> bool:
        """Returns whether a client has heard what it heard before a step, apart from answers."""
        if player.is_out_of_step:
            return True
        if isinstance(event, Passed):
            return player.is_told(event.message.data, self.ids)
        return all(one.has_values(self.ids) for one in self._leaving())

    def _leaving(self) -> list[Player]:
        """Returns the clients that only have to leave. They wait for each other's last values, which take up to a
        network frame: what one of them owns goes with it.
        """
        busy = {one.line for one in self._left if not isinstance(one, Ended)}
        return [one for line, one in self.players.items() if line not in busy]

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
        backend.number = backend.peer_id = player.line
        self._peers[player.line] = peer = WebSocketPeer.of_server(settings, self._clock, self._turn, backend)
        player.backend, player.peer = backend, peer

    def stop(self) -> None:
        """Closes all connections, also of a replay that is not at its end."""
        leave(backends_of(self._peers.values()), NORMAL, "")
        self._poller.close()


def events_by_line(recording: Recording) -> dict[int, list[Event]]:
    """Returns the events of each client, by its number."""
    found: dict[int, list[Event]] = {line: [] for line in recording.peers()}
    for event in recording.events:
        if event.line in found:
            found[event.line].append(event)
    return found


def is_the_clients(event: Event) -> bool:
    """Returns whether an event is a client's own step, which a replay repeats."""
    if isinstance(event, Passed | Ended):
        return event.direction is Direction.TO_SERVER
    return isinstance(event, Opened)
