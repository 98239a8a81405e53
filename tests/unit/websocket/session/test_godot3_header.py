"""Godot 3's header and relay rules, alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer.errors import PacketError
from gdpeer.websocket.session.godot3_header import (
    HEADER_SIZE,
    Header,
    Kind,
    pack_data,
    pack_system,
    receivers,
    unpack,
    unpack_from_client,
)
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden" / "rpc_godot3.jsonl"
SYSTEM = {"id": Kind.ID, "add peer": Kind.ADD, "del peer": Kind.DEL}


def messages() -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    return [row for row in rows if row["op"] == 2]


def test_every_recorded_message_is_read_and_written_again() -> None:
    kinds = set()
    for row in messages():
        message = bytes.fromhex(row["hex"])
        header = unpack(message)
        words, _, rest = row["what"].partition(" from ")
        source, target = (int(word.strip(":,")) for word in (rest.split()[0], rest.split()[2]))
        assert (header.source, header.target) == (source, target)
        if words == "data":
            assert header.kind is Kind.DATA
            written = pack_data(source, target, message[HEADER_SIZE:])
        else:
            peer_id = int(rest.split("peer ")[1])
            kind = SYSTEM[words.removeprefix("system ").rstrip(":")]
            assert (header.kind, header.peer_id) == (kind, peer_id)
            written = pack_system(kind, peer_id)
        assert written == message
        kinds.add(header.kind)
    assert kinds == set(Kind)


def test_what_clients_of_a_recorded_session_sent_is_from_themselves() -> None:
    ids = {
        row["conn"]: unpack(bytes.fromhex(row["hex"])).peer_id
        for row in messages()
        if row["dir"] == "s2c" and bytes.fromhex(row["hex"])[0] == Kind.ID
    }
    sent = [row for row in messages() if row["dir"] == "c2s"]
    assert sent
    for row in sent:
        assert unpack_from_client(bytes.fromhex(row["hex"]), ids[row["conn"]]).kind is Kind.DATA


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "0 bytes"),
        (bytes(8), "8 bytes"),
        (b"\x04" + bytes(12), "kind 4"),
        (b"\xff" + bytes(12), "kind 255"),
        (b"\x03" + bytes(11), "ID names no peer"),
        (b"\x01" + bytes(8), "ADD names no peer"),
    ],
)
def test_what_is_no_message_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        unpack(message)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (pack_system(Kind.ADD, 5), "a client sent ADD"),
        (pack_data(8, 1, b"x"), "claims to be 8"),
        (pack_data(1, 1, b"x"), "claims to be 1"),
        (b"\0", "1 bytes"),
    ],
)
def test_a_client_may_only_send_data_and_only_as_itself(message: bytes, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        unpack_from_client(message, 7)


def test_a_header_is_nine_bytes_and_the_payload_may_be_empty() -> None:
    message = pack_data(7, -3, b"")
    assert message == b"\0\x07\0\0\0\xfd\xff\xff\xff"
    assert unpack_from_client(message, 7) == Header(Kind.DATA, 7, -3)


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        (2, 1, []),
        (2, 0, [3, 4]),
        (2, 3, [3]),
        (2, 2, []),
        (2, 9, []),
        (2, -3, [4]),
        (2, -1, [3, 4]),
        (2, -2, [3, 4]),
        (1, 1, []),
        (1, 0, [2, 3, 4]),
        (1, -2, [3, 4]),
        (1, 4, [4]),
        (2, -(2**31), [3, 4]),
    ],
)
def test_who_gets_a_message(source: int, target: int, found: list[int]) -> None:
    assert receivers(source, target, [2, 3, 4]) == found
