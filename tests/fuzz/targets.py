"""The parsers as functions of bytes: each raises nothing, whatever comes, or a promise is broken.

The first byte of a case says how the parser is set up, the second into pieces of how many bytes the rest is cut. Limits
are small, so that a case of some hundred bytes reaches them.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from gdpeer.errors import HandshakeError, PacketError, VariantError
from gdpeer.multiplayer.wire.godot4 import parse
from gdpeer.multiplayer.wire.replication import (
    Delta,
    Despawn,
    Spawn,
    Sync,
    decode_values,
    encode_values,
)
from gdpeer.protocol.connection import Connection, Phase, is_sendable_code
from gdpeer.protocol.deflate import Agreement, accept_offers, check_response, parse_extensions
from gdpeer.protocol.handshake import accept_key
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.url import Url
from gdpeer.variant.binary.codec import decode_variant, encode_variant
from gdpeer.variant.binary.compact import decode_arguments
from gdpeer.websocket.opening.upgrade import ClientUpgrade, ServerUpgrade
from gdpeer.websocket.settings import Settings
from tests.property.streams import Outcome, encode, run
from tests.unit.protocol.support import compressed

MOST_SECONDS = 0.05
TRIES = 3
KIB = 1024
MOST_PROPERTIES = 64

LIMITS = Limits(
    max_message_size=4096,
    max_queued_bytes=4096,
    max_queued_packets=8,
    max_fragments=32,
    max_pending_control=256,
    max_head_size=2048,
    max_body_size=64,
)
FAILURES = (1002, 1007, 1009)
"""The codes that a broken rule is documented to end with."""
KEY_OF_ZEROS = "A" * 22 + "=="
ACCEPT_OF_ZEROS = accept_key(KEY_OF_ZEROS).encode()
"""Stands in a case for what the client really waits for, which is another one each time."""
FROM = SimpleNamespace(remote_address=("192.0.2.1", 5555))


@dataclass(frozen=True)
class Target:
    """A parser and its promises.

    Attributes:
        name: of its corpus.
        test: the id in docs/reliability.md.
        run: feeds it one case; what it raises is a finding.
        rate, beyond: the memory that it may take: so many bytes a byte of input, and so many beyond.
        measured: what takes that memory, where `run` takes more for its checks.
    """

    name: str
    test: str
    run: Callable[[bytes], None]
    rate: int
    beyond: int
    measured: Callable[[bytes], object] | None = None

    def check(self, data: bytes) -> None:
        """Run a case, and time it: the processor's time of this thread, at its best of three."""
        if self._seconds(data) > MOST_SECONDS:
            best = min(self._seconds(data) for _ in range(TRIES - 1))
            assert best <= MOST_SECONDS, f"{self.name}: {best:.3f} s for {len(data)} bytes"

    def _seconds(self, data: bytes) -> float:
        begin = time.thread_time()
        self.run(data)
        return time.thread_time() - begin

    def check_memory(self, data: bytes) -> int:
        """Run a case; the bytes that it took at most beyond what it may take for each byte, which are few enough."""
        taken = memory_of(lambda: (self.measured or self.run)(data)) - self.rate * len(data)
        assert taken <= self.beyond, f"{self.name}: {taken} bytes beyond {self.rate} x {len(data)}"
        return taken


def memory_of(call: Callable[[], object]) -> int:
    """How many bytes a call took at its peak."""
    gc.disable()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        gc.enable()


def pieces_of(data: bytes) -> list[bytes]:
    """What follows the two bytes that say how: in pieces as long as the second says, but 16 at most; 0: whole."""
    step = max(data[1], len(data) // 16) if data[1] else len(data)
    return [data[at : at + step] for at in range(2, len(data), step)]


# -- frames and deflate -----------------------------------------------------------------------------------------------


def run_frames(data: bytes) -> None:
    if len(data) > 2:
        _hear(pieces_of(data), bool(data[0] & 1), None)


def run_deflate(data: bytes) -> None:
    """The frames of a compressed connection; or, where the first bit is set, the payload of one message."""
    if len(data) < 3:
        return
    how, step = data[0], data[1]
    agreement = Agreement(bool(how & 4), bool(how & 8), 8 + (how >> 4 & 7), 8 + (how >> 5 & 7))
    is_client, stream = bool(how & 2), data[2:]
    if how & 1:
        key = b"" if is_client else bytes(4)
        half = len(stream) // 2
        stream = encode(0xC1 + (step & 1), stream[:half], key) + encode(0xC2, stream[half:], key)
    _hear(pieces_of(bytes([how, step]) + stream), is_client, agreement)


def _hear(pieces: list[bytes], is_client: bool, agreement: Agreement | None) -> None:
    connection = compressed(is_client, agreement, limits=LIMITS)
    outcome = run(connection, pieces)
    _check_end(connection, outcome)
    if len(pieces) > 1:
        whole = compressed(is_client, agreement, limits=LIMITS)
        _check_cut(outcome, run(whole, [b"".join(pieces)]), agreement)


def _check_end(connection: Connection, outcome: Outcome) -> None:
    for payload, is_text in outcome.packets:
        assert len(payload) <= LIMITS.max_message_size
        if is_text:
            payload.decode()
    failure, code = connection.failure, connection.close_code
    if failure is not None:
        assert (connection.phase, code) == (Phase.CLOSED, failure.code)
        assert code in FAILURES
    elif connection.phase == Phase.CLOSED:
        assert connection.close_received
        assert code == 1005 or is_sendable_code(code)
    else:
        assert (connection.phase, code) == (Phase.OPEN, -1)


def _check_cut(in_pieces: Outcome, whole: Outcome, agreement: Agreement | None) -> None:
    """However the bytes are cut, they mean the same, but for two things that depend on what zlib has before it.

    Of two faults in one piece of a compressed message either may be found first, but both ways end. And what refers
    further back than the window that was agreed on is only found where zlib no longer holds it.
    """
    if (in_pieces.packets, in_pieces.close) == (whole.packets, whole.close):
        return
    assert agreement is not None
    failed = [outcome.close is not None and outcome.close[0] in FAILURES for outcome in (in_pieces, whole)]
    if min(agreement.server_max_window_bits, agreement.client_max_window_bits) < 15:
        assert any(failed)
        both = min(len(in_pieces.packets), len(whole.packets))
        assert in_pieces.packets[:both] == whole.packets[:both]
    else:
        assert all(failed)
        assert in_pieces.packets == whole.packets


# -- the upgrade ------------------------------------------------------------------------------------------------------


SETTINGS = [
    Settings(compression=compression, supported_protocols=protocols, allowed_origins=origins)
    for compression in (False, True)
    for protocols in ((), ("a", "b"))
    for origins in (None, ("https://game.example",))
]


def run_request(data: bytes) -> None:
    """What a server answers: it opens, or says 4xx, and the same however the request was cut."""
    if len(data) < 3:
        return
    pieces = pieces_of(data)
    answer = _serve(data[0], pieces)
    if answer is None:
        assert len(data) - 2 <= LIMITS.max_head_size + len(pieces[-1]) or b"\r\n\r\n" in data
        return
    status = int(answer[0][9:12])
    assert answer[0].startswith(b"HTTP/1.1 ")
    assert (status == 101) == answer[1]
    assert status == 101 or 400 <= status < 500, status
    if len(pieces) > 1:
        whole = _serve(data[0], [data[2:]])
        assert whole is not None
        assert whole[1] == answer[1]


def _serve(how: int, pieces: list[bytes]) -> tuple[bytes, bool] | None:
    upgrade = ServerUpgrade(SETTINGS[how & 7], LIMITS)
    for piece in pieces:
        outcome = upgrade.receive(piece, FROM)
        if outcome is not None:
            return outcome.data, outcome.opened is not None
    return None


def run_response(data: bytes) -> None:
    """What a client makes of an answer: it opens, or names a cause, and the same however the answer was cut."""
    if len(data) < 3:
        return
    pieces = pieces_of(data)
    opened = _ask(data[0], pieces)
    if len(pieces) > 1 and opened is not None:
        assert _ask(data[0], [data[2:]]) == opened


def _ask(how: int, pieces: list[bytes]) -> bool | None:
    upgrade = ClientUpgrade(SETTINGS[how & 7], LIMITS, Url(False, "game.example", 80, "/"))
    key = upgrade.begin().partition(b"Sec-WebSocket-Key: ")[2][:24].decode()
    step, data = len(pieces[0]), b"".join(pieces).replace(ACCEPT_OF_ZEROS, accept_key(key).encode())
    for at in range(0, len(data), step):
        outcome = upgrade.receive(data[at : at + step], FROM)
        if outcome is not None:
            assert (outcome.opened is None) == bool(outcome.cause.detail)
            return outcome.opened is not None
    return None


def run_extensions(data: bytes) -> None:
    """A header, as offers to a server and as a server's answer."""
    if not data:
        return
    how, value = data[0], data[1:].decode("latin-1")
    wish = Agreement(bool(how & 1), bool(how & 2), 8 + (how >> 2 & 7), 8 + (how >> 5 & 7))
    with suppress(HandshakeError):
        extensions = parse_extensions(value)
        granted = accept_offers(extensions, wish)
        if granted is not None:
            assert granted[0].server_max_window_bits <= wish.server_max_window_bits
            assert parse_extensions(granted[1])[0][0] == "permessage-deflate"
        agreed = check_response(extensions, wish)
        assert agreed is None or agreed.server_max_window_bits <= wish.server_max_window_bits


# -- values -----------------------------------------------------------------------------------------------------------


def run_variant(engine: int, data: bytes) -> None:
    found = decode(engine, data)
    if found is not None:
        again = encode_variant(found[0], engine, True, True)
        assert encode_variant(decode_variant(again, 0, engine, True)[0], engine, True, True) == again


def decode(engine: int, data: bytes) -> list[Any] | None:
    """One value, or the arguments of a call as their list, behind the byte that says which."""
    if not data:
        return None
    objects, is_call = bool(data[0] & 1), bool(data[0] & 2)
    with suppress(VariantError):
        if is_call:
            return [decode_arguments(data, 1, data[0] >> 2, len(data), engine=engine, objects=objects)]
        value, end = decode_variant(data, 1, engine, objects)
        assert end <= len(data)
        return [value]
    return None


# -- packets of spawners and synchronizers ----------------------------------------------------------------------------


def run_replication(data: bytes) -> None:
    """A packet and its values: each as many as a synchronizer may have of one mode."""
    packet = parse_replication(data)
    if packet is None:
        return
    assert len(packet.encode()) <= len(data) + 1  # a name without an end gets one
    if isinstance(packet, Spawn):
        states = [packet.state, packet.argument or b""]
    else:
        states = [] if isinstance(packet, Despawn) else [element[-1] for element in packet.elements]
    for state in states:
        with suppress(PacketError):
            values, used = decode_values(state, min(len(state), MOST_PROPERTIES))
            assert used <= len(state)
            again = encode_values(values)
            assert encode_values(decode_values(again, None)[0]) == again


def parse_replication(data: bytes) -> Spawn | Despawn | Sync | Delta | None:
    if data[:1] and data[0] & 7 in (4, 5, 6):
        with suppress(PacketError):
            return cast("Spawn | Despawn | Sync | Delta", parse(data))
    return None


TARGETS = {
    target.name: target
    for target in (
        Target("frames", "F1", run_frames, 16, 64 * KIB),
        Target("request", "F2", run_request, 16, 64 * KIB),
        Target("response", "F2", run_response, 16, 64 * KIB),
        Target("extensions", "F3", run_extensions, 64, 64 * KIB),
        Target("deflate", "F3", run_deflate, 16, 256 * KIB),
        Target("variant4", "F4", partial(run_variant, 4), 16, 64 * KIB, partial(decode, 4)),
        Target("variant3", "F4", partial(run_variant, 3), 16, 64 * KIB, partial(decode, 3)),
        Target("replication", "F4", run_replication, 16, 64 * KIB, parse_replication),
    )
}
