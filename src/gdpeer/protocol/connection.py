"""An open WebSocket without I/O: bytes in, packets and bytes out, and the closing handshake.

The owner moves bytes and reads the results:

    receive_data(data, length)   bytes arrived; afterwards look at `inbox.count`, `phase`, `pongs`
    receive_eof()                no more bytes will arrive
    inbox.next_packet()          take the oldest packet; then resume() lets the parser go on where the queue was full
    settle()                     the packets were handled: apply the end that waits behind them
    send_message / send_ping / send_close
    outbox.data_to_send()        chunks to write, in order; then data_sent(n) for the bytes that were written

Closing follows RFC 6455 section 7:

    OPEN ──send_close──> CLOSING ──close frame arrives──> CLOSED
    OPEN ──close frame arrives (the answer is queued)──> CLOSED
    OPEN or CLOSING ──protocol violation (a close frame with its code is queued)──> CLOSED, `failure` set
    any ──receive_eof──> CLOSED

Received bytes never raise: a protocol violation, or a lack of memory, sets `failure`. Packets that came before an end
stay readable.

Layer: `protocol`; compiled (types in `connection.pxd`). Source: RFC 6455 section 5.5, 7.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

from gdpeer.errors import ProtocolError
from gdpeer.protocol.deflate import Agreement, Deflater, Inflater
from gdpeer.protocol.frames import is_utf8
from gdpeer.protocol.inbox import Inbox
from gdpeer.protocol.limits import DEFAULT_LIMITS, MAX_CONTROL_PAYLOAD, MAX_REASON, Limits
from gdpeer.protocol.outbox import Outbox

__all__ = ["NO_CODE", "Connection", "Phase", "check_close", "is_sendable_code"]

NO_CODE = 1005
"""Means a close frame without a code (RFC 6455 section 7.1.5); never on the wire."""


class Phase(IntEnum):
    """The progress of an open connection towards its end; the values are those of the engine's states."""

    OPEN = 1
    CLOSING = 2
    CLOSED = 3


# C integers once compiled (connection.pxd).
PHASE_OPEN = int(Phase.OPEN)
PHASE_CLOSING = int(Phase.CLOSING)
PHASE_CLOSED = int(Phase.CLOSED)
_CLOSE = 8
_PING = 9
_PONG = 10
_UNLIMITED = sys.maxsize >> 3  # larger numbers would not fit into a C integer; no message ever gets that large

# The texts are the engine's (WebSocketPeer.get_close_reason after a local failure, reference godot4-wire B.1).
_ENGINE_REASONS = {1002: "Protocol error", 1007: "Invalid frame payload data", 1009: "Message too big"}


def is_sendable_code(code: int) -> bool:
    """Tells whether a close frame may carry `code` (RFC 6455 section 7.4 and the IANA registry)."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))


def check_close(code: int, reason: str) -> bytes:
    """Returns the payload of a close frame.

    Args:
        code: 1000-1003, 1007-1014 or 3000-4999.
        reason: at most 123 bytes of UTF-8.

    Raises:
        ValueError: the code may not be sent, or the reason is too long.
    """
    if not is_sendable_code(code):
        raise ValueError(f"close code {code} may not be sent: use 1000-1003, 1007-1014 or 3000-4999")
    text = reason.encode("utf-8")
    if len(text) > MAX_REASON:
        raise ValueError(f"a close reason has at most {MAX_REASON} bytes, not {len(text)}")
    return code.to_bytes(2, "big") + text


def _check_received_close(payload: bytes) -> None:
    if not payload:
        return
    if len(payload) == 1:
        raise ProtocolError("a close frame has half a code")
    code = payload[0] << 8 | payload[1]
    if not is_sendable_code(code):
        raise ProtocolError(f"a close frame carries code {code}")
    if not is_utf8(payload[2:]):
        raise ProtocolError("a close reason is not UTF-8", 1007)


class Connection:
    """One side of an open WebSocket. Not to be used by two threads at a time.

    Args:
        is_client: whether this side masks its frames.
        limits: the limits for the other side; kept by reference.

    Attributes:
        inbox: packets received.
        outbox: bytes to send.
        phase: a `Phase` as int.
        close_code: from the other side's close frame (`NO_CODE` if it had none), or of the local failure; -1 before.
        close_reason: from the same close frame or failure; "" before.
        close_received: whether the other side's close frame came.
        closed_by_remote: whether it came before this side sent a close frame.
        failure: the protocol violation of the other side, or None.
        pongs: how many pongs have come so far.
        last_pong: payload of the newest pong.
        on_control: called with the opcode and the payload of each ping and pong, for a proxy that passes them on; pings
            are then not answered. None: pings are answered.
    """

    __slots__ = (
        "_held",
        "_is_client",
        "_limits",
        "_owed_pong",
        "_rest",
        "_rest_at",
        "close_code",
        "close_reason",
        "close_received",
        "closed_by_remote",
        "failure",
        "inbox",
        "last_pong",
        "on_control",
        "outbox",
        "phase",
        "pongs",
    )

    def __init__(self, is_client: bool, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._is_client = is_client
        self._limits = limits
        self.inbox = Inbox(is_client, limits)
        self.outbox = Outbox(is_client)
        self._rest: bytearray | None = None  # what arrived and was not parsed yet, from _rest_at on
        self._rest_at = 0
        self._owed_pong: bytes | None = None
        self._held: bytes | ProtocolError | None = None  # a close frame's payload, or a broken rule
        self.phase = PHASE_OPEN
        self.close_code = -1
        self.close_reason = ""
        self.close_received = False
        self.failure: ProtocolError | None = None
        self.closed_by_remote = False
        self.pongs = 0
        self.last_pong = b""
        self.on_control: Callable[[int, bytes], object] | None = None

    def compress(self, agreement: Agreement, threshold: int = 0) -> None:
        """Compresses from now on, but for messages of fewer bytes than `threshold`.

        A connection is made before the handshake agrees on compression.
        """
        server = (agreement.server_max_window_bits, not agreement.server_no_context_takeover)
        client = (agreement.client_max_window_bits, not agreement.client_no_context_takeover)
        ours, theirs = (client, server) if self._is_client else (server, client)
        self.outbox.compress(Deflater(ours[0], keep_context=ours[1]), min(threshold, _UNLIMITED))
        self.inbox.inflater = Inflater(theirs[0], keep_context=theirs[1])

    def receive_data(self, data: bytearray, length: int) -> None:
        """Parses `data[:length]`; afterwards read `inbox`, `phase` and `outbox`.

        The caller may reuse `data` as soon as this returns. Ignored once the connection is closed. Never raises: a
        protocol violation sets `failure` and queues the close frame (RFC 6455 section 7.1.7).
        """
        if self.phase == PHASE_CLOSED or self._held is not None or length == 0:
            return
        rest = self._rest
        if rest is None:
            at = self._parse(data, 0, length)
            if at < length:
                # Copy the rest: the transport receives into the same buffer again.
                self._rest = data[at:length]
                self._rest_at = 0
        else:
            # Drop the parsed part before adding, so that the buffer does not grow by what was read.
            if self._rest_at:
                del rest[: self._rest_at]
                self._rest_at = 0
            rest += data[:length]
            self.resume()

    def wanted(self) -> int:
        """Returns how many bytes can be received to `place`; then call `put`. As `Inbox.wanted`."""
        is_over = self.phase == PHASE_CLOSED or self._held is not None
        # Unparsed bytes come first: nothing may be received past them.
        return 0 if self._rest is not None or is_over else self.inbox.wanted()

    def place(self, length: int) -> Any:  # compiled only
        """Returns the address for `length` of the wanted bytes. NULL: memory ran out, which ends the connection."""
        try:
            return self.inbox.place(length)
        except MemoryError:
            self._hold_no_memory()
            return cython.NULL

    def put(self, length: int) -> None:  # compiled only
        """Counts `length` bytes that were received at `place`."""
        try:
            self.inbox.put(length)
        except ProtocolError as failure:
            self._hold(failure)

    def resume(self) -> None:
        """Parses the bytes that wait; call it after packets were taken from a full queue."""
        rest = self._rest
        if rest is None:
            return
        self._rest_at = self._parse(rest, self._rest_at, len(rest))
        if self._rest_at == len(rest):
            self._rest = None
            self._rest_at = 0

    def receive_eof(self) -> None:
        """Ends the connection because the other side's bytes ended: CLOSED, with the code known so far."""
        self.settle()
        self._go_to(PHASE_CLOSED)

    def is_held(self) -> bool:
        """Tells whether the end has come, but waits for `settle`."""
        return self._held is not None

    def settle(self) -> bool:
        """Applies an end that was held back until the packets before it were handled. Returns whether there was one."""
        held = self._held
        if held is None:
            return False
        self._held = None
        self._end(held)
        return True

    def _parse(self, data: bytearray, at: int, end: int) -> int:
        inbox = self.inbox
        try:
            while at < end and self.phase != PHASE_CLOSED and self._held is None:
                at = inbox.parse(data, at, end)
                # No control frame: `parse` stopped because it needs more bytes or room in the queue.
                if inbox.opcode < 0:
                    break
                self._control(inbox.opcode, inbox.payload)
        except ProtocolError as failure:
            self._hold(failure)
        except MemoryError:
            self._hold_no_memory()
        # Whatever follows the end is discarded (RFC 6455 section 1.4).
        return end if self.phase == PHASE_CLOSED or self._held is not None else at

    def _go_to(self, phase: int) -> None:
        self.phase = phase
        # Both other phases forbid new messages (RFC 6455 section 5.5.1).
        self.outbox.is_open = False

    def _hold(self, end: bytes | ProtocolError) -> None:
        if isinstance(end, ProtocolError):
            # The traceback's frames refer to this connection: a cycle that would keep zlib's windows in memory until
            # the next garbage collection.
            end.__traceback__ = end.__context__ = None
        # Packets that arrived before the close frame must stay readable, so the end waits for settle().
        if self.inbox.count:
            self._held = end
        else:
            self._end(end)

    def _hold_no_memory(self) -> None:
        # Part of the message is lost, so the parser no longer knows where the next frame begins.
        self._hold(ProtocolError("a message needs more memory than is left", 1009))

    def _end(self, end: bytes | ProtocolError) -> None:
        if isinstance(end, bytes):
            self._take_close(end)
        else:
            self._fail(end)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            _check_received_close(payload)
            self._hold(payload)
        elif self.on_control is not None:
            self.on_control(opcode, payload)
        elif opcode == _PING:
            self._answer_ping(payload)
        else:
            self.pongs += 1
            self.last_pong = payload

    def _answer_ping(self, payload: bytes) -> None:
        if self.phase != PHASE_OPEN:
            return
        if self.outbox.pending_control >= self._limits.max_pending_control:
            # Keep the newest payload only; data_sent() answers it once the outbox is empty.
            self._owed_pong = payload
        else:
            self.outbox.send_control(_PONG, payload)

    def _take_close(self, payload: bytes) -> None:
        self.close_received = True
        self.closed_by_remote = self.phase == PHASE_OPEN
        self.close_code = payload[0] << 8 | payload[1] if payload else NO_CODE
        # Godot 3 ends the reason with a NUL byte, and reads up to the first NUL.
        self.close_reason = payload[2:].split(b"\0", 1)[0].decode("utf-8")
        # RFC 6455 section 5.5.1: answer with the same code, unless this side sent a close frame before.
        if self.phase == PHASE_OPEN:
            self.outbox.send_control(_CLOSE, payload)
        self._go_to(PHASE_CLOSED)

    def _fail(self, failure: ProtocolError) -> None:
        reason = _ENGINE_REASONS[failure.code]
        # In CLOSING a close frame was sent already, and nothing may follow it.
        if self.phase == PHASE_OPEN:
            self.outbox.send_control(_CLOSE, check_close(failure.code, reason))
        self.failure = failure
        self.close_code = failure.code
        self.close_reason = reason
        self._go_to(PHASE_CLOSED)

    def send_message(self, payload: bytes, is_text: bool) -> None:
        """Queues a message; ignored unless OPEN. A server keeps 16 KiB or more by reference until they are sent."""
        if self.phase == PHASE_OPEN:
            self.outbox.send_message(payload, is_text)

    def send_ping(self, payload: bytes) -> None:
        """Queues a ping; ignored unless OPEN. ValueError for a payload of more than 125 bytes."""
        if len(payload) > MAX_CONTROL_PAYLOAD:
            raise ValueError(f"a ping carries at most {MAX_CONTROL_PAYLOAD} bytes, not {len(payload)}")
        if self.phase == PHASE_OPEN:
            self.outbox.send_control(_PING, payload)

    def pass_control(self, opcode: int, payload: bytes) -> None:
        """Queues a ping or a pong for a proxy; ignored unless OPEN, or while `max_pending_control` bytes wait."""
        if self.phase == PHASE_OPEN and self.outbox.pending_control < self._limits.max_pending_control:
            self.outbox.send_control(opcode, payload)

    def send_close(self, code: int, reason: str) -> None:
        """Queues a close frame and goes to CLOSING; ignored unless OPEN. Errors as `check_close`."""
        payload = check_close(code, reason)
        if self.phase == PHASE_OPEN:
            self.outbox.send_control(_CLOSE, payload)
            self._go_to(PHASE_CLOSING)

    def data_sent(self, length: int) -> None:
        """Removes the first `length` bytes of `outbox.data_to_send()`, which the transport has taken."""
        outbox = self.outbox
        outbox.data_sent(length)
        # There is room for control frames again: answer the ping that was put off.
        if self._owed_pong is not None and outbox.pending == 0:
            payload, self._owed_pong = self._owed_pong, None
            self._answer_ping(payload)
