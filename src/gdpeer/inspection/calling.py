"""Calls one method of a server, as a client of the multiplayer, and hears what the server calls.

The call leaves in three steps, because Godot 4 sends the number of a method and not its name:

    1. SIMPLIFY_PATH names the node, and the checksum of the methods that this side knows.
    2. CONFIRM_PATH of the server says whether it has the same methods. If not, nothing is called: the number would
       be that of another method.
    3. After the call the node is named again, with another number: an engine ignores a number that it knows. A server
       handles packets in order, so the second answer says that it has handled the call.

Godot 3 sends names. It confirms every path, even if it has no such node.

Layer: `inspection`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from gdpeer.contract import Table
from gdpeer.errors import Error, PacketError
from gdpeer.inspection.decoded import Decoded
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.multiplayer.rpc.mismatch import find_changes
from gdpeer.multiplayer.wire import godot3, godot4
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.session.godot3_header import HEADER_SIZE, pack_data

__all__ = ["Call", "Caller", "ContractNames", "NotCalledError", "Step"]

SERVER = 1
NUMBERS = (1, 2)
"""This side's numbers for the node: before the call, and after the call."""

State = WebSocketPeer.State

Show = Callable[[Direction, Decoded], object]


class NotCalledError(Exception):
    """The server cannot be called; the message says why, in one sentence."""


class Step(IntEnum):
    """How far a call has come."""

    CONNECTING = 0
    JOINING = 1
    """Connected; the server has not sent this client's id."""
    AUTHENTICATING = 2
    ASKING = 3
    """The node is named; the server has not answered."""
    CALLED = 4
    HANDLED = 5


@dataclass(frozen=True, slots=True)
class Call:
    """What to call.

    Attributes:
        path: of the node, below `/root`.
        method: the name.
        arguments: the values.
        table: the methods of the node: all of them, because their order gives the method its number in Godot 4.
    """

    path: str
    method: str
    arguments: Sequence[Any]
    table: Table

    @property
    def number(self) -> int:
        """The number of the method in Godot 4."""
        return self.table.numbers[self.table.names.index(self.method)]


class ContractNames(MethodNames):
    """The names of methods in some classes, also of those that code configures.

    Args:
        tables: the classes.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        super().__init__()
        self._numbered = {table.checksum: dict(zip(table.numbers, table.names, strict=True)) for table in tables}

    def table(self, checksum: str) -> tuple[str, ...]:
        """Returns the names in the order of their numbers; empty if no class has this checksum."""
        return tuple(self._numbered.get(checksum, {}).values())

    def name(self, checksum: str, number: int) -> str | None:
        """Returns the name of a method; None if it is not known."""
        return self._numbered.get(checksum, {}).get(number)


class _Dialect(Protocol):
    """Makes and reads the packets of one version of the engine."""

    def announce(self, peer_id: int, number: int) -> bytes:
        """Returns SIMPLIFY_PATH for the node."""

    def call(self, peer_id: int) -> bytes:
        """Returns the call."""

    def answer(self, peer_id: int, data: bytes) -> bytes:
        """Returns the answer to a packet of the server; empty if none is needed."""

    def confirmation(self, data: bytes) -> bool | None:
        """Returns whether the server has the same methods; None if a packet says nothing about the node."""


class _Godot4:
    def __init__(self, call: Call) -> None:
        self._checksum = call.table.checksum
        flags, body = godot4.encode_call_body(call.number, call.arguments, typed=True)
        self._call = godot4.call_packet(flags, body, NUMBERS[0])
        self._path = call.path
        self._is_old = False

    def announce(self, peer_id: int, number: int) -> bytes:
        return godot4.SimplifyPath(self._checksum, number, self._path).encode()

    def call(self, peer_id: int) -> bytes:
        return self._call

    def answer(self, peer_id: int, data: bytes) -> bytes:
        packet = godot4.parse(data) if data[:1] == bytes((godot4.Command.SIMPLIFY_PATH,)) else None
        if not isinstance(packet, godot4.SimplifyPath):
            return b""
        # True whatever the checksum is: this side reads every method, and the server would log an error.
        number = None if self._is_old else packet.cache_id
        return godot4.ConfirmPath(True, number, packet.path).encode()

    def confirmation(self, data: bytes) -> bool | None:
        packet = godot4.parse(data) if data[:1] == bytes((godot4.Command.CONFIRM_PATH,)) else None
        if not isinstance(packet, godot4.ConfirmPath):
            return None
        by_path = packet.path == self._path
        self._is_old = self._is_old or (by_path and packet.cache_id not in NUMBERS)
        return packet.matches if by_path or packet.cache_id in NUMBERS else None


class _Godot3:
    def __init__(self, call: Call) -> None:
        command = godot3.Command.REMOTE_CALL
        self._call = godot3.named_packet(command, godot3.encode_named(command, call.method, call.arguments), NUMBERS[0])
        self._path = call.path

    def announce(self, peer_id: int, number: int) -> bytes:
        return pack_data(peer_id, SERVER, godot3.SimplifyPath(number, self._path).encode())

    def call(self, peer_id: int) -> bytes:
        return pack_data(peer_id, SERVER, self._call)

    def answer(self, peer_id: int, data: bytes) -> bytes:
        packet = self._packet(data, godot3.Command.SIMPLIFY_PATH)
        if not isinstance(packet, godot3.SimplifyPath):
            return b""
        return pack_data(peer_id, SERVER, godot3.ConfirmPath(packet.path).encode())

    def confirmation(self, data: bytes) -> bool | None:
        packet = self._packet(data, godot3.Command.CONFIRM_PATH)
        return True if isinstance(packet, godot3.ConfirmPath) and packet.path == self._path else None

    def _packet(self, data: bytes, command: godot3.Command) -> godot3.Packet | None:
        is_wanted = data[:5] == b"\0\1\0\0\0" and data[HEADER_SIZE : HEADER_SIZE + 1] == bytes((command,))
        return godot3.parse(data[HEADER_SIZE:]) if is_wanted else None


class Caller:
    """One client that calls one method, once the server has let it in.

    Args:
        peer: has begun to connect.
        call: what to call.
        names: of the methods that the server may call.
        engine: 4 or 3.
        show: gets every decoded message, in both directions.
        credentials: for a server that authenticates its peers; None: none.

    Attributes:
        step: how far the call has come.
        peer_id: the id that the server gave this client; 0 before.
        was_asked: whether the server has asked for credentials.
        is_mismatch: whether the server has other methods.

    Raises:
        VariantError: the engine does not have one of the arguments.
        ValueError: there are more than 255 arguments.
    """

    def __init__(
        self,
        peer: WebSocketPeer,
        call: Call,
        names: MethodNames,
        engine: int,
        show: Show,
        credentials: bytes | None = None,
    ) -> None:
        self._peer = peer
        self._call = call
        self._dialect: _Dialect = _Godot4(call) if engine == 4 else _Godot3(call)
        self._engine = engine
        self._decoder = Decoder("auto", names)
        self._show = show
        self._credentials = credentials
        self.step = Step.CONNECTING
        self.peer_id = 0
        self.was_asked = False
        self.is_mismatch = False

    def poll(self, timeout: float) -> None:
        """Waits for messages for at most `timeout` seconds, and goes as far as possible.

        Raises:
            NotCalledError: the server has other methods, speaks another dialect, or has closed the connection.
        """
        peer = self._peer
        peer.poll(timeout=timeout)
        if self.step is Step.CONNECTING and peer.get_ready_state() == State.OPEN:
            self.step = Step.JOINING
        while peer.get_available_packet_count():
            data = peer.get_packet()
            self._hear(data, peer.was_string_packet())
        if peer.get_ready_state() == State.CLOSED:
            raise NotCalledError(self._why_closed())

    def _why_closed(self) -> str:
        cause = self._peer.get_close_cause()
        if self._peer.get_close_code() == -1 and self.step is Step.CONNECTING:
            return str(cause)
        reason = self._peer.get_close_reason()
        said = f"the server closed the connection: {reason or cause}"
        wants = self.was_asked or self.step in (Step.AUTHENTICATING, Step.ASKING)
        return f"{said}; does it authenticate its peers (--auth)?" if wants and self._credentials is None else said

    # ------------------------------------------------------------------------------------------ hearing

    def _hear(self, data: bytes, is_text: bool) -> None:
        decoded = self._decoder.decode(Direction.TO_CLIENT, Message(data, is_text))
        self._check_dialect()
        self._show(Direction.TO_CLIENT, decoded)
        if decoded.command == "your id" and not self.peer_id:
            self.peer_id = self._decoder.peer_id or 0
            self._begin()
            return
        try:
            self._react(decoded, data)
        except PacketError:  # was shown as undecoded
            return

    def _check_dialect(self) -> None:
        found = self._decoder.dialect
        if found == "raw":
            raise NotCalledError("the server does not speak Godot's multiplayer: its first message has no peer id")
        if found != f"godot{self._engine}":
            way = "is of Godot 3: use --godot3" if self._engine == 4 else "is of Godot 4: leave --godot3 out"
            raise NotCalledError(f"the server {way}")

    def _react(self, decoded: Decoded, data: bytes) -> None:
        if decoded.command == "auth":
            self._authenticate(data)
        answer = self._dialect.answer(self.peer_id, data)
        if answer:
            self._send(answer)
        matches = self._dialect.confirmation(data)
        if matches is not None:
            self._confirmed(matches)

    def _authenticate(self, data: bytes) -> None:
        self.was_asked = True
        is_complete = data == godot4.Auth(b"").encode()
        if is_complete and self.step is Step.AUTHENTICATING:
            self._ask()

    def _confirmed(self, matches: bool) -> None:
        if self.step is Step.CALLED:
            self.step = Step.HANDLED
        elif self.step is Step.ASKING and not matches:
            self.is_mismatch = True
            raise NotCalledError(self._mismatch())
        elif self.step is Step.ASKING:
            self._send(self._dialect.call(self.peer_id))
            self._send(self._dialect.announce(self.peer_id, NUMBERS[1]))
            self.step = Step.CALLED

    def _mismatch(self) -> str:
        """Returns in words how the server's methods differ, as far as that is known."""
        call = self._call
        names = ", ".join(call.table.names)
        told = self._decoder.checksums.get((SERVER, call.path), "")
        said = f"the node {call.path} of the server has other methods than {call.table.id} ({names})"
        if not told:
            return said
        changes = find_changes(told, call.table.names).changes
        return f"{said}: {', or '.join(change.describe('the server') for change in changes)}" if changes else said

    # ------------------------------------------------------------------------------------------ sending

    def _begin(self) -> None:
        if self._credentials is None:
            self._ask()
            return
        self.step = Step.AUTHENTICATING
        # Without waiting for data of the server: its callback decides after the first packet, and this side trusts it.
        self._send(godot4.Auth(self._credentials).encode())
        self._send(godot4.Auth(b"").encode())

    def _ask(self) -> None:
        self._send(self._dialect.announce(self.peer_id, NUMBERS[0]))
        self.step = Step.ASKING

    def _send(self, data: bytes) -> None:
        if self._peer.send(data) is not Error.OK:
            raise NotCalledError(f"a message of {len(data)} bytes cannot be sent")
        self._show(Direction.TO_SERVER, self._decoder.decode(Direction.TO_SERVER, Message(data, False)))
