"""Both dialects, without a connection."""

from __future__ import annotations

import json

import pytest

from gdpeer.errors import PacketError
from gdpeer.websocket.session.dialects import GODOT3, GODOT4
from gdpeer.websocket.session.godot3_header import Kind, pack_data, pack_system
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden" / "rpc_godot4.jsonl"


def test_the_recorded_ids_of_godot_4_are_read_and_written_again() -> None:
    rows = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    found = [row for row in rows if row["what"].startswith("peer id ")]
    assert len(found) == len({row["conn"] for row in rows})  # one each, and
    for row in found:
        first = next(one for one in rows if one["conn"] == row["conn"])
        assert first is row  # the first of all
        peer_id = int(row["what"].split()[2])
        message = bytes.fromhex(row["hex"])
        assert GODOT4.welcome(peer_id) == (message,)
        assert GODOT4.hear(message, 0) == ((Kind.ID, peer_id), (Kind.ADD, 1))


def test_a_packet_of_godot_4_has_nothing_in_front() -> None:
    assert GODOT4.wrap(5, 6, b"x") == b"x"
    assert GODOT4.read_target(b"x", 5) == 1
    assert GODOT4.hear(b"abcd", 5) == ((Kind.DATA, 1),)


def test_an_empty_packet_of_godot_4_is_refused_on_both_sides() -> None:
    with pytest.raises(PacketError, match="empty"):
        GODOT4.read_target(b"", 5)
    with pytest.raises(PacketError, match="empty"):
        GODOT4.hear(b"", 5)


@pytest.mark.parametrize("first", [b"", b"abc", b"abcde", bytes(4), b"\1\0\0\0", b"\xff\xff\xff\xff"])
def test_what_is_no_id_of_godot_4_is_refused(first: bytes) -> None:
    with pytest.raises(PacketError):
        GODOT4.hear(first, 0)


def test_godot_3_welcomes_with_id_and_server() -> None:
    messages = GODOT3.welcome(7)
    assert messages == (bytes.fromhex("03010000000000000007000000"), bytes.fromhex("01010000000000000001000000"))
    assert [GODOT3.hear(message, own) for message, own in zip(messages, (0, 7), strict=True)] == [
        ((Kind.ID, 7),),
        ((Kind.ADD, 1),),
    ]


def test_godot_3_tells_of_peers_and_of_senders() -> None:
    assert GODOT3.hear(pack_system(Kind.DEL, 9), 7) == ((Kind.DEL, 9),)
    assert GODOT3.hear(GODOT3.wrap(9, 7, b"hey"), 7) == ((Kind.DATA, 9),)
    assert GODOT3.read_target(pack_data(7, -4, b""), 7) == -4


@pytest.mark.parametrize(
    ("message", "own", "reason"),
    [
        (pack_system(Kind.ID, 8), 7, "second ID"),
        (pack_system(Kind.ID, 1), 0, "no client's id"),
        (pack_system(Kind.ADD, 1), 0, "ADD before the ID"),
        (pack_data(1, 0, b"x"), 0, "DATA before the ID"),
        (b"hello", 0, "5 bytes"),
        (pack_system(Kind.ADD, 7), 7, "ADD of 7, which cannot be"),
        (pack_system(Kind.ADD, 0), 7, "ADD of 0, which cannot be"),
        (pack_system(Kind.ADD, -5), 7, "ADD of -5, which cannot be"),
        (pack_system(Kind.DEL, 7), 7, "DEL of 7, which cannot be"),
        (pack_system(Kind.DEL, 1), 7, "DEL of 1, which cannot be"),
        (pack_data(7, 7, b"x"), 7, "DATA of 7, which cannot be"),
        (pack_data(-1, 7, b"x"), 7, "DATA of -1, which cannot be"),
    ],
)
def test_what_a_server_of_godot_3_may_not_say_is_refused(message: bytes, own: int, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        GODOT3.hear(message, own)
