"""`PeerBase`, the compiled half of `WebSocketPeer`: every message passes here; and the turn of an owner of peers.

Layer: `websocket`; compiled (types in `_peer.pxd`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Never

from gdpeer.arguments import to_bytes, wrong_type
from gdpeer.attributes import refuse_unknown
from gdpeer.errors import Error
from gdpeer.protocol.frames import is_utf8
from gdpeer.protocol.outbox import encode_message
from gdpeer.signals import Signal
from gdpeer.websocket.backend.base import Backend, Turn
from gdpeer.websocket.states import PeerWriteMode

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.object import PyObject_GenericSetAttr
    from cython.cimports.cpython.unicode import PyUnicode_Check, PyUnicode_READ_CHAR
    from cython.cimports.gdpeer.websocket._memory import gdpeer_drop_empty_dict

__all__ = [
    "PeerBase",
    "announce_packets",
    "backend_of",
    "backend_or_none",
    "backends_of",
    "send_to_all",
    "spread",
    "take_turn",
    "waiting_of",
]

_OK = Error.OK
_FAILED = Error.FAILED
_NO_ROOM = Error.ERR_OUT_OF_MEMORY
_UNAVAILABLE = Error.ERR_UNAVAILABLE
_TEXT = PeerWriteMode.TEXT
_BINARY = PeerWriteMode.BINARY
_UNDERSCORE = ord("_")  # a C integer once compiled (_peer.pxd)


class PeerBase:
    """The part of `WebSocketPeer` that sends and receives messages, with the members of `PacketPeer` for them."""

    __slots__ = ("__dict__", "__weakref__", "_backend", "_packet_error", "_text", "_was_string", "_write_mode")

    def __init__(self) -> None:
        self._backend: Backend | None = None
        self._packet_error = _OK
        self._write_mode = _BINARY
        self._text: bytes | None = None  # the text packet that was read last: known to be UTF-8
        self._was_string = False
        if cython.compiled:
            gdpeer_drop_empty_dict(self)

    def __setattr__(self, name: str, value: Never) -> None:  # never: else all names are good
        """Raises AttributeError for a name that `WebSocketPeer` does not have."""
        if cython.compiled:
            if PyUnicode_Check(name) and PyUnicode_READ_CHAR(name, 0) != _UNDERSCORE:  # faster than a slice
                refuse_unknown(self, name)
            PyObject_GenericSetAttr(self, name, value)
        else:
            if name[:1] != "_":
                refuse_unknown(self, name)
            object.__setattr__(self, name, value)

    def send(self, message: bytes | bytearray | memoryview, write_mode: PeerWriteMode = _BINARY) -> Error:
        """Sends one message.

        The bytes go to the system at once. In a signal handler of a server or client they are collected, and leave in
        one write when `poll()` returns.

        Args:
            message: 0 to `outbound_buffer_size` bytes.
            write_mode: BINARY, or TEXT. A text message must be valid UTF-8.

        Returns:
            OK: the message was sent or queued.
            FAILED: the connection is not open.
            ERR_INVALID_DATA: the message is not valid UTF-8, and `write_mode` is TEXT.
            ERR_OUT_OF_MEMORY: the send queue is full. Nothing was sent and the connection stays open; wait for the
                `drained` signal and send again.
        """
        backend = self._backend
        if type(message) is not bytes:
            message = _to_bytes(message)
        is_text = write_mode is _TEXT or write_mode == _TEXT
        if not is_text and write_mode is not _BINARY and write_mode != _BINARY:
            raise wrong_type("send", "write_mode", "TEXT or BINARY", write_mode)
        if backend is None:
            return _FAILED
        if is_text and message is not self._text and not is_utf8(message):
            return Error.ERR_INVALID_DATA
        return backend.send(message, is_text)

    def send_binary(self, message: bytes) -> Error:
        """Sends one binary message, without the checks of `send`; for a session. Returns as `send`."""
        return _FAILED if self._backend is None else self._backend.send(message, False)

    def send_past_limit(self, payload: bytes, is_text: bool, frame: bytes | None = None) -> Error:
        """Sends a message of any size, as soon as no more than `outbound_buffer_size` waits. For the fronts.

        The arguments and codes are those of `Backend.send`; a text must be UTF-8.
        """
        backend = self._backend
        return _FAILED if backend is None else backend.send(payload, is_text, frame, len(payload))

    def send_text(self, message: str) -> Error:
        """Sends one text message; returns as `send`. Halves of surrogate pairs are sent as "?"."""
        if not isinstance(message, str):
            raise wrong_type("send_text", "message", "a string", message)
        return _FAILED if self._backend is None else self._backend.send(message.encode("utf-8", "replace"), True)

    def put_packet(self, buffer: bytes | bytearray | memoryview) -> Error:
        """Sends one message in the mode of `set_write_mode` (default: BINARY). Returns as `send`.

        An empty buffer returns `OK` and sends nothing, as in the engine.
        """
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        return self.send(buffer, self._write_mode) if len(buffer) else _OK

    def set_write_mode(self, mode: PeerWriteMode) -> None:
        """Godot 3: sets whether `put_packet` sends text or binary messages."""
        if not isinstance(mode, int):
            raise wrong_type("set_write_mode", "mode", "TEXT or BINARY", mode)
        self._write_mode = PeerWriteMode(mode)

    def get_write_mode(self) -> PeerWriteMode:
        """Godot 3: returns the mode in which `put_packet` sends."""
        return self._write_mode

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read. Differs from the engine: packets stay readable after the close."""
        backend = self._backend
        return 0 if backend is None else backend.inbox.count

    def get_packet(self) -> bytes:
        """Takes the oldest packet. If there is none, returns b"", and `get_packet_error()` tells why.

        Differs from the engine: packets that came before a close can be read afterwards.
        """
        backend = self._backend
        if backend is None or backend.inbox.count == 0:
            self._packet_error = _UNAVAILABLE if backend is not None and backend.is_open() else _FAILED
            return b""
        return self._take(backend)

    def take(self) -> bytes | None:
        """Takes the oldest packet, or returns None; for a session. Ignores a subclass's `get_packet`."""
        backend = self._backend
        return None if backend is None or backend.inbox.count == 0 else self._take(backend)

    def _take(self, backend: Backend) -> bytes:
        inbox = backend.inbox
        packet = inbox.next_packet()
        was_text = inbox.was_text
        # Uncompiled, __setattr__ makes each assignment slow, so only changed values are assigned.
        if self._packet_error is not _OK:
            self._packet_error = _OK
        if self._was_string != was_text:
            self._was_string = was_text
        if was_text:
            self._text = packet
        elif self._text is not None:
            self._text = None
        if backend.paused:
            backend.make_room()
        return packet

    def was_string_packet(self) -> bool:
        """Whether the packet that was read last was a text message."""
        return self._was_string

    def __iter__(self) -> Iterator[bytes]:
        """Takes packets until none is left."""
        return _Taking(self)

    def get_packet_error(self) -> Error:
        """Returns the result of the last `get_packet`: `OK`, `FAILED` (not open) or `ERR_UNAVAILABLE` (no packet)."""
        return self._packet_error

    def get_current_outbound_buffered_amount(self) -> int:
        """Returns how many bytes wait to be sent; 0 unless the connection is OPEN."""
        return waiting_of(self)


class _Taking:
    """Iterates over the packets of a peer, and takes them: for each packet 200 instructions less than a generator."""

    __slots__ = ("_peer",)

    def __init__(self, peer: PeerBase) -> None:
        self._peer = peer

    def __iter__(self) -> _Taking:
        return self

    def __next__(self) -> bytes:
        peer = self._peer
        if peer.get_available_packet_count() == 0:
            raise StopIteration
        return peer.get_packet()


def backend_of(peer: PeerBase) -> Backend:
    """The backend of a peer that has, or had, a connection."""
    assert peer._backend is not None
    return peer._backend


def backend_or_none(peer: PeerBase) -> Backend | None:
    """The backend of a peer; None before its first connection."""
    return peer._backend


def waiting_of(peer: PeerBase) -> int:
    """How many bytes wait to be sent; 0 unless the connection is OPEN."""
    backend = peer._backend
    return backend.outbound_bytes() if backend is not None and backend.is_open() else 0


def backends_of(peers: Iterable[PeerBase]) -> list[Backend]:
    """The backends of those peers that have, or had, a connection."""
    return [peer._backend for peer in peers if peer._backend is not None]


def take_turn(
    turn: Turn,
    timeout: float,
    peers: Mapping[int, PeerBase],
    emit: Callable[[int], object] | Signal,
    on_change: Callable[[Backend], object],
) -> None:
    """One turn of an owner: waits, reads, announces packets, and sends everything that handlers sent.

    If an exception leaves a handler (an interrupt, or `sys.exit`), the next turn announces the rest.

    Args:
        turn: the owner's.
        timeout: seconds to wait at most, if nothing is to be done yet.
        peers: the open peers, by the numbers of their connections.
        emit: see `announce_packets`.
        on_change: called with each connection that is not among `peers`, or that has changed in more than its packets.
    """
    if turn.poller is None or turn.active:
        return
    turn.active = True
    try:
        turn.poller.turn(0.0 if turn.touched else timeout)
        touched = turn.take_touched()
        done = 0
        try:
            for backend in touched:
                if backend.number not in peers:
                    on_change(backend)
                else:
                    announce_packets(backend, peers, emit)
                    if backend.has_changed():
                        on_change(backend)
                done += 1
        except BaseException:  # out of a handler: an interrupt, or the program is to end
            for backend in touched[done:]:
                turn.touch(backend)
            raise
    finally:
        turn.flush()


def announce_packets(backend: Backend, peers: Mapping[int, PeerBase], emit: Callable[[int], object] | Signal) -> None:
    """Announces each packet that came, once; none that a handler has taken by then.

    Args:
        backend: the connection of an open peer. Its session, if there is one, handles each packet.
        peers: the open peers, by the numbers of their connections. Once a handler has stopped the server, nothing more
            is announced.
        emit: without a session: a signal to emit, or a function to call, with the connection's number.
    """
    inbox = backend.inbox
    number = backend.number
    signal = emit if isinstance(emit, Signal) else None
    while inbox.count:
        if backend.announced == inbox.received:
            return
        backend.announced += 1
        if backend.session is not None:
            backend.session.receive(backend)
        elif signal is not None:
            signal.emit_one(number)
        else:
            emit(number)  # type: ignore[operator]
        if number not in peers:
            return
    backend.announced = inbox.received


def spread(peers: Mapping[int, PeerBase], peer_ids: Iterable[int], payload: bytes, is_text: bool) -> Error:
    """Sends one message, framed once, to those of `peer_ids` that are in `peers`. A text must be UTF-8.

    Returns:
        ERR_OUT_OF_MEMORY if a receiver had no room for the message, else OK.
    """
    frame = encode_message(payload, is_text)
    result = _OK
    for peer_id in peer_ids:
        peer = peers.get(peer_id)
        backend = None if peer is None else peer._backend
        if backend is not None and backend.send(payload, is_text, frame) is _NO_ROOM:
            result = _NO_ROOM
    return result


def send_to_all(peers: Iterable[PeerBase], payload: bytes) -> Error:
    """Sends one binary message, framed once, to some peers; returns as `spread`."""
    frame = encode_message(payload, False)
    result = _OK
    for peer in peers:
        backend = peer._backend
        if backend is not None and backend.send(payload, False, frame) is _NO_ROOM:
            result = _NO_ROOM
    return result


def _to_bytes(message: Any) -> bytes:
    if isinstance(message, str):
        raise TypeError("send() argument 'message': expected bytes, got str; for text there is send_text()")
    return to_bytes("send", "message", message)
