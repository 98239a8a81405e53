"""Messages decoded: what real engines said, word for word, and what nobody should say."""

from __future__ import annotations

import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gdpeer import EncodedCallable, PackedByteArray, Vector2
from gdpeer.inspection import decoded as decoded_module
from gdpeer.inspection import decoding_godot4 as decoding4
from gdpeer.inspection.decoded import Decoded, Paths, clipped, value_text
from gdpeer.inspection.decoding import Decoder, find_dialect
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.multiplayer.rpc.decorator import class_table
from gdpeer.multiplayer.wire import godot3, godot4
from gdpeer.websocket.session.godot3_header import pack_data
from tests.support.missing import ROOT
from tests.support.mp_nodes import Main

GOLDEN = ROOT / "tests" / "golden"
UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT
NAMES = MethodNames([class_table(Main).names, ["poke"]])
ME, OTHER = 1234, 5678


def recorded(version: str) -> list[tuple[dict[str, Any], Decoded]]:
    """Every message of the engine's recordings with what it says, each connection with a decoder of its own."""
    decoders: dict[tuple[str, int], Decoder] = {}
    found = []
    for line in Path(GOLDEN / f"rpc_godot{version}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if "hex" not in entry or entry["op"] not in (1, 2):
            continue
        decoder = decoders.setdefault((entry["session"], entry["conn"]), Decoder("auto", NAMES))
        direction = UP if entry["dir"] == "c2s" else DOWN
        message = Message(bytes.fromhex(entry["hex"]), entry["op"] == 1)
        found.append((entry, decoder.decode(direction, message)))
    assert {decoder.dialect for decoder in decoders.values()} == {f"godot{version}"}
    return found


@pytest.mark.parametrize("version", ["4", "3"])
def test_every_message_of_an_engine_is_decoded(version: str) -> None:
    found = recorded(version)
    assert len(found) > 300
    assert [entry["what"] for entry, decoded in found if decoded.problem] == []
    commands = Counter(decoded.command for _, decoded in found)
    assert {"rpc", "simplify path", "confirm path", "raw", "your id", "add peer"} <= set(commands)
    unknown = [decoded.path for _, decoded in found if decoded.method and decoded.path.startswith("node ")]
    assert unknown == []


def test_calls_of_godot_4_have_names_and_values() -> None:
    calls = {decoded.summary() for _, decoded in recorded("4") if decoded.command == "rpc"}
    assert 'Main:many(70000, "s", Vector2(1, 2), [1, 2], { "k": true })' in calls
    assert 'Main/Child:poke("poke 0")' in calls
    assert not any("method " in call for call in calls if call.startswith("Main"))


def test_relays_say_from_whom_and_to_whom() -> None:
    relayed = [decoded for _, decoded in recorded("4") if decoded.is_relayed]
    assert relayed
    assert all(decoded.source is not None and decoded.target is not None for decoded in relayed)


class Session4:
    """A decoder of a client that has its id."""

    def __init__(self, names: MethodNames = NAMES) -> None:
        self.decoder = Decoder("auto", names)
        self.says(DOWN, struct.pack("<i", ME))

    def says(self, direction: Direction, data: bytes, is_text: bool = False) -> Decoded:
        return self.decoder.decode(direction, Message(data, is_text))


def test_the_id_comes_first() -> None:
    decoder = Decoder("auto", NAMES)
    assert (decoder.dialect, decoder.peer_id, decoder.unnamed) == ("auto", None, {})
    decoded = decoder.decode(DOWN, Message(struct.pack("<i", ME), False))
    assert (decoder.dialect, decoder.peer_id) == ("godot4", ME)
    assert decoded == Decoded("your id", 1, ME, detail="1234")


def test_a_node_has_its_own_number_with_each_sender() -> None:
    session = Session4()
    checksum = next(iter(NAMES._tables))
    session.says(UP, godot4.SimplifyPath(checksum, 1, "Mine").encode())
    session.says(DOWN, godot4.SimplifyPath(checksum, 1, "Yours").encode())
    session.says(DOWN, godot4.Relay(OTHER, godot4.SimplifyPath(checksum, 1, "Theirs").encode()).encode())
    call = godot4.RemoteCall(1, 2, [7]).encode()
    assert session.says(UP, call).label == "Mine:echo"
    assert session.says(DOWN, call).label == "Yours:echo"
    relayed = session.says(DOWN, godot4.Relay(OTHER, call).encode())
    assert (relayed.label, relayed.source, relayed.target, relayed.is_relayed) == ("Theirs:echo", OTHER, ME, True)
    sent = session.says(UP, godot4.Relay(-1, call).encode())
    assert (sent.label, sent.source, sent.target) == ("Mine:echo", ME, -1)


def test_a_call_by_path_and_one_of_a_node_that_nobody_named() -> None:
    session = Session4()
    assert session.says(UP, godot4.RemoteCall(0, 2, [], "Main/Game").encode()).summary() == "Main/Game:method 2()"
    assert session.says(UP, godot4.RemoteCall(77, 2, []).encode()).summary() == "node 77:method 2()"
    assert session.decoder.unnamed == {"Main/Game": "", "node 77": ""}


def test_names_are_missing_where_no_table_has_the_checksum() -> None:
    session = Session4()
    reported = session.says(DOWN, godot4.SimplifyPath("0" * 32, 1, "Main").encode())
    assert reported.detail == f"is node 1, checksum {'0' * 32}"
    assert session.says(DOWN, godot4.RemoteCall(1, 2, [Vector2(1, 2)]).encode()).label == "Main:method 2"
    assert session.decoder.unnamed == {"Main": "0" * 32}


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (godot4.ConfirmPath(True, 7).encode(), "node 7"),
        (godot4.ConfirmPath(False, 7).encode(), "node 7, the methods differ"),
        (godot4.ConfirmPath(True, None, "Main").encode(), "Main"),
        (godot4.Raw(b"\x01\x02").encode(), "2 bytes: 01 02"),
        (godot4.Auth(b"the password").encode(), "12 bytes, not shown"),
        (godot4.Auth(b"").encode(), "complete"),
        (godot4.AddPeer(9).encode(), "9"),
        (godot4.DelPeer(9).encode(), "9"),
        (bytes.fromhex("04000100000001000000010000000400000002000000426f620005000000000080 3f00000040"),
         "node 1 scene 0, net id 1, synchronizers 2: …/Bob(Vector2(1, 2))"),
        (bytes.fromhex("04ff01000000030000000000000004000000426f6200020000000207"),
         "node 1 spawn(7), net id 3: …/Bob()"),
        (bytes.fromhex("0501000000"), "net id 1"),
        (bytes.fromhex("060100020000000c000000050000000000803f00000040"), "net id 2(Vector2(1, 2))"),
        (bytes.fromhex("16020000000100000000000000020000000207"), "net id 2(#0 = 7)"),
        (bytes.fromhex("0601000700008001000000ff"), "node 7(1 bytes, not decoded)"),
    ],
)  # fmt: skip
def test_what_is_no_call(data: bytes, summary: str) -> None:
    decoded = Session4().says(DOWN, data)
    assert (decoded.problem, decoded.summary()) == ("", summary)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x04\x00",
        bytes.fromhex("0400010000000100000000000000ff00000042"),
        b"\x05\x01",
        bytes.fromhex("060100020000000c00000005"),
        bytes.fromhex("0601000200"),
        b"\x07\x09",
        godot4.Relay(5, godot4.AddPeer(7).encode()).encode(),
        godot4.Relay(5, b"\x00").encode(),
        godot4.RemoteCall(1, 1, [[[]]]).encode()[:-3],
    ],
)
def test_what_is_damaged_is_undecoded_with_the_reason(data: bytes) -> None:
    session = Session4()
    decoded = session.says(DOWN, data)
    assert decoded.command == "undecoded"
    assert decoded.problem
    assert decoded.summary() == f"undecoded: {decoded.problem}"
    assert session.says(DOWN, godot4.AddPeer(9).encode()).problem == ""


class Session3:
    """A decoder of a Godot 3 client that has its id."""

    def __init__(self) -> None:
        self.decoder = Decoder("auto", NAMES)
        self.says(DOWN, struct.pack("<Biii", 3, 1, 0, ME))

    def says(self, direction: Direction, data: bytes) -> Decoded:
        return self.decoder.decode(direction, Message(data, False))


def test_calls_and_sets_of_godot_3() -> None:
    session = Session3()
    session.says(UP, pack_data(ME, 1, godot3.SimplifyPath(1, "Main").encode()))
    called = session.says(UP, pack_data(ME, 1, godot3.RemoteCall(1, "echo", [7]).encode()))
    assert (called.command, called.summary(), called.is_relayed) == ("rpc", "Main:echo(7)", False)
    was_set = session.says(DOWN, pack_data(OTHER, ME, godot3.RemoteSet(0, "x", ["s"], "Main/Game").encode()))
    assert (was_set.command, was_set.summary(), was_set.is_relayed) == ("rset", 'Main/Game:x("s")', True)
    assert session.says(DOWN, pack_data(1, ME, godot3.ConfirmPath("Main").encode())).summary() == "Main"
    assert session.says(DOWN, struct.pack("<Biii", 2, 1, 0, OTHER)).summary() == str(OTHER)
    assert (session.decoder.peer_id, session.decoder.unnamed) == (ME, {})


@pytest.mark.parametrize("data", [b"", b"\x09" + bytes(8), pack_data(ME, 1, b""), pack_data(ME, 1, b"\x00\x01")])
def test_what_is_damaged_in_godot_3(data: bytes) -> None:
    assert Session3().says(UP, data).problem


def test_messages_of_a_programs_own() -> None:
    decoder = Decoder("auto", NAMES)
    assert decoder.decode(UP, Message("a\x1b[31mé".encode(), True)) == Decoded("text", detail="a␛[31mé")
    assert (decoder.dialect, decoder.peer_id, decoder.unnamed) == ("raw", None, {})
    assert decoder.decode(DOWN, Message(bytes(40), False)).detail == " ".join(["00"] * 32) + " ..."
    assert decoder.decode(DOWN, Message(b"\xff", False)) == Decoded("binary", detail="ff")


@pytest.mark.parametrize(
    ("direction", "message", "dialect"),
    [
        (UP, Message(struct.pack("<i", ME), False), "raw"),
        (DOWN, Message(b"\x01\x00\x00\x00", False), "raw"),
        (DOWN, Message(b"abcd", True), "raw"),
        (DOWN, Message(bytes(13), False), "raw"),
    ],
)
def test_what_only_looks_like_an_id(direction: Direction, message: Message, dialect: str) -> None:
    assert find_dialect(direction, message) == dialect


def test_a_dialect_that_was_given_needs_no_id() -> None:
    decoder = Decoder("godot4", NAMES)
    assert decoder.decode(UP, Message(godot4.Raw(b"x").encode(), False)).command == "raw"
    assert Decoder("raw", NAMES).decode(DOWN, Message(struct.pack("<i", ME), False)).command == "binary"


# --- a stranger's names cost no memory, and steer nothing


def test_paths_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_module, "MOST_PATHS", 2)
    paths = Paths()
    for number in (1, 2, 3):
        paths.learn(number, f"n{number}")
    paths.learn(2, "again")
    paths.learn(1, "x" * 5000)
    assert [paths.name(number) for number in (1, 2, 3)] == ["n1", "again", "node 3"]


def test_sources_and_unnamed_nodes_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_module, "MOST_SOURCES", 1)
    monkeypatch.setattr(decoding4, "MOST_UNNAMED", 1)
    monkeypatch.setattr(decoding4, "MOST_CHECKSUMS", 0)
    session = Session4()
    simplify = godot4.SimplifyPath(next(iter(NAMES._tables)), 1, "Main").encode()
    call = godot4.RemoteCall(1, 2, []).encode()
    session.says(UP, simplify)
    session.says(DOWN, godot4.Relay(OTHER, simplify).encode())
    assert session.says(UP, call).label == "Main:method 2"
    assert session.says(DOWN, godot4.Relay(OTHER, call).encode()).label == "node 1:method 2"
    assert session.decoder.unnamed == {"Main": ""}


def test_sources_have_a_limit_in_godot_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_module, "MOST_SOURCES", 0)
    session = Session3()
    session.says(UP, pack_data(ME, 1, godot3.SimplifyPath(1, "Main").encode()))
    assert session.says(UP, pack_data(ME, 1, godot3.RemoteCall(1, "echo", [7]).encode())).path == "node 1"


def test_what_is_shown_is_one_line_and_not_long() -> None:
    assert clipped("x" * 300) == "x" * 199 + "…"
    assert clipped("a\nb\x9b") == "a␊b\ufffd"
    assert value_text({"a": [1, "\n"]}, 4) == '{ "a": [1, " "] }'
    assert value_text(float("nan"), 4) == "nan"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (PackedByteArray(bytes(1_000_000)), "PackedByteArray of 1000000"),
        ([0] * 2000, "list of 2000"),
        ([[0] * 600, [0] * 600], "list of 2"),
        ({1: [0] * 1200}, "dict of 1"),
        ("x" * 1_000_000, '"' + "x" * 198 + "…"),
    ],
)
def test_a_large_value_is_not_written_out(value: Any, text: str) -> None:
    assert value_text(value, 4) == text


def test_a_call_with_much_in_it_is_one_line_of_a_limited_length() -> None:
    assert len(Decoded("rpc", path="Main", method="m", arguments=["x" * 300] * 255).summary()) == 1000
    text = Decoder("raw", NAMES).decode(UP, Message(("é" * 100_000).encode(), True))
    assert text.detail == "é" * 199 + "…"


def test_a_value_without_a_text_is_shown_all_the_same() -> None:
    nested: list[Any] = []
    for _ in range(120):
        nested = [nested]
    assert value_text(nested, 4).startswith("[[[[")
    assert "Callable" in value_text(EncodedCallable(), 4)
