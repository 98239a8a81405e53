"""Any legal stream, cut anywhere, gives the same; garbage gives a close code and never an exception."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gdpeer.protocol.connection import Connection, Phase
from gdpeer.protocol.deflate import Agreement
from gdpeer.protocol.outbox import Outbox, encode_message
from tests.property.streams import (
    AGREEMENTS,
    CUTS,
    MESSAGES,
    ROLES,
    Outcome,
    cut,
    damaged,
    encode,
    make,
    run,
    streams,
)
from tests.unit.protocol.support import PING, close_payload, compressed, frames_in, joined, packets

FAILURES = {1002, 1007, 1009}


@given(st.data(), ROLES, st.none() | AGREEMENTS, CUTS, st.sampled_from([1, 2, 4096]))
def test_legal_stream_gives_what_was_sent_however_it_is_cut(
    data: st.DataObject, is_client: bool, agreement: Agreement | None, places: list[float], queue: int
) -> None:
    stream, expected = data.draw(streams(to_client=is_client, agreement=agreement))
    assert run(make(is_client, agreement), [stream]) == expected
    assert run(make(is_client, agreement, queue), cut(stream, places)) == expected


@given(st.data(), ROLES, st.none() | AGREEMENTS)
def test_legal_stream_byte_by_byte(data: st.DataObject, is_client: bool, agreement: Agreement | None) -> None:
    stream, expected = data.draw(streams(to_client=is_client, agreement=agreement))
    assert run(make(is_client, agreement), [bytes([byte]) for byte in stream]) == expected


@given(st.data(), ROLES, st.none() | AGREEMENTS, CUTS)
def test_damaged_stream_gives_the_same_however_it_is_cut(
    data: st.DataObject, is_client: bool, agreement: Agreement | None, places: list[float]
) -> None:
    stream = data.draw(damaged(data.draw(streams(to_client=is_client, agreement=agreement))[0]))
    whole, pieces = make(is_client, agreement), make(is_client, agreement)
    at_once, bit_by_bit = run(whole, [stream]), run(pieces, cut(stream, places))
    if agreement is not None and at_once.close != bit_by_bit.close:
        # zlib gives nothing of a piece that is damaged further on, so which of two faults in it is found first, damage
        # or text that is not UTF-8, depends on the cut. That it fails there does not.
        for close in (at_once.close, bit_by_bit.close):
            assert close is not None
            assert close[0] in FAILURES
        bit_by_bit.close = at_once.close
    assert at_once == bit_by_bit
    _check_end(whole)


PLAUSIBLE = st.builds(
    encode,
    st.integers(0, 15).flatmap(lambda opcode: st.sampled_from([opcode, 0x80 | opcode, 0x40 | opcode, 0xC0 | opcode])),
    st.binary(max_size=40),
    st.sampled_from([b"", b"\1\2\3\4"]),
)


@given(
    ROLES,
    st.none() | AGREEMENTS,
    st.one_of(st.binary(max_size=60), st.lists(PLAUSIBLE, max_size=5).map(b"".join)),
    CUTS,
)
def test_garbage_gives_a_close_code_or_waits(
    is_client: bool, agreement: Agreement | None, garbage: bytes, places: list[float]
) -> None:
    connection = make(is_client, agreement)
    run(connection, cut(garbage, places))
    _check_end(connection)


def _check_end(connection: Connection) -> None:
    if connection.failure is not None:
        assert connection.phase == Phase.CLOSED
        assert connection.close_code == connection.failure.code
        assert connection.close_code in FAILURES
    elif connection.phase == Phase.CLOSED:
        assert connection.close_received
    else:
        assert (connection.phase, connection.close_code) == (Phase.OPEN, -1)


@given(ROLES, st.none() | AGREEMENTS, st.integers(0, 40), st.lists(MESSAGES, max_size=8), CUTS)
def test_one_side_reads_what_the_other_sends(
    is_client: bool, agreement: Agreement | None, threshold: int, messages: list[object], places: list[float]
) -> None:
    source = compressed(not is_client, agreement, threshold)
    expected = [(message.payload, message.is_text) for message in messages]  # type: ignore[attr-defined]
    for payload, is_text in expected:
        source.send_message(payload, is_text)
    source.send_close(4000, "done")
    outcome = run(make(is_client, agreement), cut(joined(source.outbox.data_to_send()), places))
    assert outcome == Outcome(expected, [], [], (4000, "done"))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("message"), st.sampled_from([0, 5, 300, 16_383, 16_384, 40_000])),
        st.tuples(st.just("shared"), st.sampled_from([5, 300, 20_000])),
        st.tuples(st.just("ping"), st.integers(0, 125)),
        st.tuples(st.just("taken"), st.integers(0, 30_000)),
    ),
    max_size=25,
)


@given(ROLES, STEPS)
def test_partial_sends_keep_every_byte_in_order(is_client: bool, steps: list[tuple[str, int]]) -> None:
    outbox = Outbox(is_client)
    expected: list[bytes] = []
    taken = b""
    for number, (step, size) in enumerate(steps):
        payload = bytes([number]) * size
        if step == "taken":
            data = joined(outbox.data_to_send())[:size]
            outbox.data_sent(len(data))
            taken += data
            continue
        expected.append(payload)
        if step == "ping":
            outbox.send_control(PING, payload)
        elif step == "shared" and outbox.can_share():
            outbox.send_encoded(encode_message(payload, False))
        else:
            outbox.send_message(payload, False)
        assert outbox.pending == sum(len(chunk) for chunk in outbox.data_to_send())
    frames = list(frames_in(taken + joined(outbox.data_to_send())))
    assert [payload for _, _, payload in frames] == expected
    assert all(masked == is_client for _, masked, _ in frames)


@given(st.integers(-10, 70_000), st.binary(max_size=123))
def test_any_close_frame_ends_in_a_legal_code(code: int, reason: bytes) -> None:
    connection = make(True)
    run(connection, [encode(0x88, close_payload(code & 0xFFFF, reason), b"")])
    assert connection.phase == Phase.CLOSED
    assert 1000 <= connection.close_code < 5000
    assert packets(connection.inbox) == []
    _check_end(connection)
