"""What a side says of nodes whose methods differ on a peer: in the log, in `call_refused` and by `get_mismatches`."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from gdpeer import Node, rpc
from gdpeer.contract import Contract, Method, Table, checksum_of
from gdpeer.multiplayer.godot4 import differences
from gdpeer.multiplayer.rpc import mismatch
from gdpeer.multiplayer.wire import godot4 as wire
from tests.unit.multiplayer.sessions import Session

OWN = ("greet", "move", "set_name")


class Player(Node):
    """A class with three methods for others, and methods without `@rpc`."""

    godot_script = "res://player.gd"

    @rpc("any_peer")
    def greet(self) -> None: ...

    @rpc("any_peer")
    def move(self) -> None: ...

    @rpc("any_peer")
    def set_name(self) -> None: ...

    def set_player_name(self) -> None: ...

    def dash(self) -> None: ...

    def zoom(self) -> None: ...


class Hero(Player):
    """A subclass with methods of its own."""

    @rpc
    def a(self) -> None: ...

    @rpc
    def b(self) -> None: ...

    @rpc
    def c(self) -> None: ...


class Lobby(Node):
    """Another class of the tree."""

    @rpc
    def enter(self) -> None: ...


class Raw:
    """A client that sends packets of its own making to a server that has a Player."""

    def __init__(self, player: Player | None = None) -> None:
        self.session = Session(1)
        self.server = self.session.server
        self.player = Player() if player is None else player
        self.server.tree.root.add_child(self.player)
        self.client = self.session.clients[0]
        self.refused: list[tuple[Any, ...]] = []
        self.server.api.call_refused.connect(lambda *what: self.refused.append(what))

    def send(self, *packets: wire.Packet) -> None:
        for packet in packets:
            self.client.peer.put_packet(packet.encode())
        self.server.tree.poll()

    def tell(self, checksum: str, number: int = 7, path: str = "Player") -> str:
        """Sends a checksum; returns what the server knows of the difference."""
        self.send(wire.SimplifyPath(checksum, number, path))
        return self.server.api.get_mismatches(self.client.id).get(path, "")


@pytest.fixture
def raw() -> Raw:
    return Raw()


def contract(
    *names: str, id_: str = "res://player.gd", class_name: str = "", by_code: tuple[str, ...] = ()
) -> Contract:
    methods = [Method(name, "any_peer", False, "reliable", 0, id_, 1, by_code=name in by_code) for name in names]
    return Contract("game-1.2", 4, (Table(id_, "", tuple(methods)),), (), ())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), differences.OTHER_NODE),
        (("greet", "move"), "the peer lacks `set_name`"),
        (("greet", "move", "set_player_name"), "`set_name` is `set_player_name` there"),
        ((*OWN, "dash"), "the peer has `dash` in addition"),
        (("enter",), "the peer has the methods of class Lobby"),
        (("a", "b", "c", *OWN), "the peer has the methods of class Hero"),
        (("u", "v", "w"), differences.NOT_FOUND),
    ],
)
def test_the_log_names_the_difference(
    raw: Raw, caplog: pytest.LogCaptureFixture, names: tuple[str, ...], words: str
) -> None:
    raw.server.tree.root.add_child(Lobby())
    told = checksum_of(names)
    assert raw.tell(told) == words
    here = checksum_of(OWN)
    assert caplog.messages == [
        f"the methods of node 'Player' differ from those of peer {raw.client.id}: {words} "
        f"(checksum {told}, here {here}; this side's methods: greet, move, set_name)"
    ]
    assert raw.server.api.refused == {"checksum mismatch": 1}
    assert raw.refused == []  # calls go on, as in the engine


def test_a_method_that_is_configured_by_code_as_well(raw: Raw) -> None:
    words = "the peer configures `move` by code (rpc_config) as well"
    assert raw.tell(mismatch.joined_checksum(["move", *OWN])) == words


def test_a_node_with_methods_configured_by_code_here() -> None:
    player = Player()
    player.rpc_config("zoom", {"rpc_mode": 1})
    raw = Raw(player)
    assert raw.tell(checksum_of(OWN)) == "the peer lacks `zoom`"
    mismatch.SEARCHES.clear()
    assert raw.tell(checksum_of(["zoom", *OWN]), 8) == "the peer configures `zoom` by @rpc instead"
    assert raw.tell(checksum_of(["zoom"], ["a", "b", "c", *OWN]), 9) == differences.NOT_SEARCHED
    mismatch.SEARCHES.clear()
    assert raw.tell(checksum_of(["zoom"], ["a", "b", "c", *OWN]), 10) == "the peer has the methods of class Hero"


def test_a_side_without_methods_says_so() -> None:
    raw = Raw()
    raw.server.tree.root.add_child(Node("Plain"))
    assert raw.tell(checksum_of(["u"]), path="Plain") == differences.NONE_HERE


# ---------------------------------------------------------------------------------------------------- contracts


def test_a_contract_names_what_a_search_cannot(raw: Raw) -> None:
    raw.server.api.add_contract(contract("greet", "hop", "jump", "run"))
    assert raw.tell(checksum_of(["greet", "hop", "jump", "run"])) == (
        "the peer has res://player.gd of game-1.2: it lacks `move` and `set_name` and has `hop`, `jump` and `run`"
    )


def test_contracts_of_older_versions_are_files(raw: Raw, tmp_path: Path) -> None:
    saved = {"format": 1, "engine": 4, "tables": [{"id": "res://player.gd", "methods": [{"name": "hop"}]}]}
    file = tmp_path / "game-1.1.json"
    file.write_text(json.dumps(saved), encoding="utf-8-sig")
    raw.server.api.add_contract(contract("greet", "hop", "jump", "run"))
    raw.server.api.add_contract(file)
    raw.server.api.add_contract(str(file))  # twice does no harm
    words = "the peer has res://player.gd of game-1.1.json: it lacks `greet`, `move` and `set_name` and has `hop`"
    assert raw.tell(checksum_of(["hop"])) == words


def test_names_of_contracts_are_tried(raw: Raw) -> None:
    raw.server.api.add_contract(contract("greet", "hop"))
    assert raw.tell(checksum_of(["greet", "hop", "set_name"])) == "`move` is `hop` there"


def test_the_class_s_own_table_is_tried_first(raw: Raw) -> None:
    many = contract(*(f"other_{number}" for number in range(300)), id_="res://other.gd")
    raw.server.api.add_contract(many)
    raw.server.api.add_contract(contract("hop"))
    assert raw.tell(checksum_of([*OWN, "hop"])) == "the peer has `hop` in addition"


def test_the_same_names_in_another_order(raw: Raw) -> None:
    raw.server.api.add_contract(contract("set_name", "greet", "move", by_code=("set_name",)))
    assert raw.tell(checksum_of(["set_name"], ["greet", "move"])) == (
        f"the peer has res://player.gd of game-1.2: {differences.OTHER_ORDER}"
    )


def test_a_bad_contract_is_refused_in_a_sentence(raw: Raw, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match=r"bad\.json: not a saved contract of format 1"):
        raw.server.api.add_contract(file)
    file.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"bad\.json: "):
        raw.server.api.add_contract(file)
    with pytest.raises(FileNotFoundError):
        raw.server.api.add_contract(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="of Godot 3"):
        raw.server.api.add_contract(Contract("old", 3, (), (), ()))


# ---------------------------------------------------------------------------------------------------- refused calls


def test_the_reason_of_a_refused_call_names_the_difference(raw: Raw, caplog: pytest.LogCaptureFixture) -> None:
    raw.tell(checksum_of([*OWN, "dash"]))
    raw.send(wire.RemoteCall(7, 3, (), None))
    raw.send(wire.RemoteCall(7, 0, ("too", "many"), None))
    reasons = [reason for *_, reason in raw.refused]
    assert reasons[0].startswith("the node has no such number; this side's methods: greet, move, set_name (")
    assert all(reason.endswith(" (the methods differ: the peer has `dash` in addition)") for reason in reasons)
    assert "(the methods differ: the peer has `dash` in addition)" in caplog.messages[-1]


def test_a_text_of_the_peer_stays_short_in_the_reason() -> None:
    raw = Raw()
    raw.tell(checksum_of([*OWN, "dash"]))
    raw.server.api.refuse(raw.client.id, "Player", "move", "wrong arguments", "x" * 5_000)
    assert len(raw.refused[0][3]) < 300


def test_a_confirmation_repeats_what_the_peer_has_told_before(raw: Raw, caplog: pytest.LogCaptureFixture) -> None:
    raw.player.greet.rpc_id(raw.client.id)
    raw.send(wire.ConfirmPath(False, 1))
    assert caplog.messages[-1].endswith(f"{raw.client.id}: this side's methods: greet, move, set_name")
    raw.tell(checksum_of([*OWN, "dash"]))
    raw.send(wire.ConfirmPath(False, 1))
    assert "the peer has `dash` in addition (this side's methods: greet" in caplog.messages[-1]


# ---------------------------------------------------------------------------------------------------- bounds


def test_a_node_whose_methods_agree_again_is_forgotten(raw: Raw) -> None:
    raw.tell(checksum_of(["greet"]))
    assert raw.tell(checksum_of(OWN), 8) == ""
    assert raw.server.api._calls.differences.peers == {}
    raw.tell(checksum_of(["greet"]), 9)
    raw.tell(checksum_of(["greet"]), 10, "Main")
    raw.tell(checksum_of(OWN), 11)
    assert list(raw.server.api.get_mismatches(raw.client.id)) == ["Main"]


def test_a_peer_that_goes_is_forgotten(raw: Raw) -> None:
    raw.tell(checksum_of(["greet"]))
    raw.server.api.disconnect_peer(raw.client.id)
    assert raw.server.api._calls.differences.peers == {}
    again = Raw()
    again.tell(checksum_of(["greet"]))
    again.server.api.clear()
    assert again.server.api._calls.differences.peers == {}


def test_a_search_that_ends_early_says_so(raw: Raw) -> None:
    raw.server.api.add_contract(contract(*(f"other_{number}" for number in range(150))))
    assert raw.tell("0" * 32) == differences.CUT_SHORT


def test_one_search_for_one_checksum(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[str] = []
    search = differences.find_changes
    monkeypatch.setattr(differences, "find_changes", lambda *words: searches.append(words[0]) or search(*words))
    for number in range(5):
        assert raw.tell(checksum_of(["greet"]), 10 + number) == "the peer lacks `move` and `set_name`"
    assert len(searches) == 1


def test_results_and_paths_that_are_remembered_have_limits(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mismatch.SEARCHES, "may_search", lambda: True)
    kept = raw.server.api._calls.differences
    for number in range(differences.MOST_REMEMBERED + 20):
        raw.server.tree.root.add_child(Player(f"P{number}"))
        raw.tell(f"{number:032x}", 100 + number, f"P{number}")
    assert len(kept.peers[raw.client.id]) == differences.MOST_PATHS
    assert len(kept._found) == differences.MOST_REMEMBERED
    # A long form of a path is not kept.
    raw.tell("0" * 32, 5, "./" * 5_000 + "P1")
    assert all(len(path) < 10 for path in kept.peers[raw.client.id])


def test_random_checksums_cost_one_search_and_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    names = [f"a_method_of_usual_length_{number}" for number in range(72)]

    def method(self: Node) -> None: ...

    raw = Raw(type("Large", (Player,), {name: rpc(method) for name in names})("Player"))  # type: ignore[arg-type]
    raw.server.api.add_contract(contract(*(f"{name}_{end}" for name in names for end in ("more", "else", "new"))))
    longest = 0.0
    for number in range(1_000):
        raw.client.peer.put_packet(wire.SimplifyPath(f"{number:032x}", number + 1, "Player").encode())
        begin = time.process_time()
        raw.server.tree.poll()
        longest = max(longest, time.process_time() - begin)
    assert raw.server.api.refused["checksum mismatch"] == 1_000
    assert longest < 0.06
    assert len(caplog.messages) <= 12
    assert len(raw.server.api._calls.differences._found) <= 3
