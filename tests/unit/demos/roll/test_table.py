"""The roll game between Python tables on loopback: turns, cheats, names, leaving, and what is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gdpeer.demos.roll import Game, Table, user_name
from gdpeer.errors import Error
from tests.support.waiting import until


class Room:
    """A host and guests."""

    def __init__(self, *names: str, dedicated: bool = False, godot3: bool = False) -> None:
        self.lines: dict[str, list[str]] = {}
        self.host = self.table(None if dedicated else "Hana", "host")
        assert self.host.host(0, "127.0.0.1", godot3_port=0 if godot3 else None) is Error.OK
        self.guests: list[Table] = []
        for name in names:
            self.join(name)

    def table(self, name: str | None, key: str, **options: object) -> Table:
        self.lines[key] = []
        return Table(name, self.lines[key].append, **options)  # type: ignore[arg-type]

    def join(self, name: str, *, godot3: bool = False, **options: object) -> Table:
        table = self.table(name, name, **options)
        peer = self.host.peer
        port = peer.get_godot3_port() if godot3 else peer.get_local_port()
        assert table.join(f"ws://127.0.0.1:{port}", godot3=godot3) is Error.OK
        self.guests.append(table)
        self.until(lambda: all(name in names(one) for one in self.tables if not one.left))
        return table

    @property
    def tables(self) -> list[Table]:
        return [self.host, *self.guests]

    def until(self, condition: Callable[[], bool]) -> None:
        def poll() -> bool:
            for table in self.tables:
                table.poll()
            return condition()

        until(poll)

    def close(self) -> None:
        for table in self.tables:
            table.leave()


@pytest.fixture
def make() -> Iterator[Callable[..., Room]]:
    rooms: list[Room] = []

    def build(*names: str, **options: bool) -> Room:
        rooms.append(Room(*names, **options))
        return rooms[-1]

    yield build
    for room in rooms:
        room.close()


def names(table: Table) -> list[str]:
    return [player.shown_name for player in table.game.players]


def turn_of(table: Table) -> str:
    player = table.game.player_in_turn
    return player.shown_name if player else ""


def rolled(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines if ": rolls " in line]


def test_the_methods_are_those_of_the_engine_s_demo() -> None:
    table = Game()._gdpeer_methods()
    assert table.names == [
        "_log",
        "add_player",
        "del_player",
        "request_action",
        "set_player_name",
        "set_turn",
        "update_player_name",
    ]
    assert table.checksum == "599eb6c9feef319c68c1b0a901241908"


@pytest.mark.parametrize("godot3", [False, True])
def test_the_turn_goes_round(make: Callable[..., Room], godot3: bool) -> None:
    room = make("Ann", godot3=godot3)
    bob = room.join("Bob", godot3=godot3)
    ann = room.guests[0]
    assert [names(table) for table in room.tables] == [["Hana", "Ann", "Bob"]] * 3
    for actor, following in ((room.host, "Ann"), (ann, "Bob"), (bob, "Hana")):
        actor.type("roll")
        room.until(lambda following=following: all(turn_of(table) == following for table in room.tables))  # type: ignore[misc]
    room.host.type(" PASS ")
    room.until(lambda: any(line.startswith(f"Hana: {'pass'}s ") for line in room.lines["Bob"]))  # the engine's spelling
    for lines in room.lines.values():
        assert rolled(lines) == ["Hana", "Ann", "Bob"]
    assert "It is your turn: roll, or pass" in room.lines["Ann"]
    assert "It is Bob's turn" in room.lines["host"]


def test_who_is_not_in_turn_cannot_act_and_is_told_on_when_he_tries(make: Callable[..., Room]) -> None:
    room = make("Ann")
    (ann,) = room.guests
    ann.type("roll")
    assert room.lines["Ann"][-1] == "It is not your turn."
    ann.game.request_action.rpc_id(1, "roll")
    cheat = f"Someone is trying to cheat! {ann.peer.get_unique_id()}"
    room.until(lambda: cheat in room.lines["Ann"] and cheat in room.lines["host"])
    room.host.type("roll")
    room.until(lambda: ann.game.is_own_turn)
    ann.game.request_action.rpc_id(1, "x" * 100)
    room.until(lambda: f"Invalid action: {'x' * 40}" in room.lines["Ann"])
    assert turn_of(room.host) == "Ann"
    room.host.game.request_action.rpc_id(ann.peer.get_unique_id(), "roll")  # only the host decides
    room.host.game.set_player_name.rpc_id(ann.peer.get_unique_id(), "Other")
    ann.game.set_player_name.rpc_id(1, "Anna" + "x" * 100)
    room.until(lambda: names(ann) == ["Hana", "Anna" + "x" * 36])


def test_a_player_leaves_in_his_turn_and_one_comes_late(make: Callable[..., Room]) -> None:
    room = make("Ann", "Bob")
    ann, bob = room.guests
    room.host.type("roll")
    room.until(lambda: ann.game.is_own_turn)
    ann.leave()
    room.until(lambda: names(bob) == ["Hana", "Bob"] and bob.game.is_own_turn)
    assert ann.left == "left"
    assert ann.game.players == []
    bob.leave()  # the last of the list, in his turn
    room.until(lambda: names(room.host) == ["Hana"] and room.host.game.is_own_turn)
    room.join("Cleo")
    assert names(room.host) == ["Hana", "Cleo"]
    room.host.game.del_player(99)  # nobody
    room.host.game.update_player_name(99, "Nobody")
    assert names(room.host) == ["Hana", "Cleo"]


def test_who_sat_before_the_one_in_turn_leaves(make: Callable[..., Room]) -> None:
    room = make("Ann", "Bob")
    ann, bob = room.guests
    room.host.type("roll")
    room.until(lambda: ann.game.is_own_turn)
    ann.type("roll")
    room.until(lambda: bob.game.is_own_turn)
    ann.leave()
    room.until(lambda: names(room.host) == ["Hana", "Bob"])
    assert turn_of(room.host) == "Bob"


def test_the_host_goes(make: Callable[..., Room]) -> None:
    room = make("Ann")
    (ann,) = room.guests
    room.host.leave()
    room.until(lambda: ann.left == "server gone")
    assert room.lines["Ann"][-1] == "Connection closed: server gone"
    ann.leave()
    assert ann.left == "server gone"


def test_nobody_hosts() -> None:
    lines: list[str] = []
    table = Table("Ann", lines.append)
    assert table.join("ws://127.0.0.1:1") is Error.OK
    until(lambda: (table.poll(0.01), bool(table.left))[1])
    assert table.left.startswith("connection failed: tcp")
    assert table.join("http://127.0.0.1") is Error.ERR_INVALID_PARAMETER


def test_a_host_who_does_not_play(make: Callable[..., Room]) -> None:
    room = make(dedicated=True)
    room.host.type("players")
    assert room.lines["host"][-1] == "Players: nobody yet"
    ann = room.join("Ann")
    assert names(ann) == ["Ann"]
    assert ann.game.is_own_turn
    ann.type("roll")
    room.until(lambda: rolled(room.lines["host"]) == ["Ann"])
    ann.leave()
    room.until(lambda: names(room.host) == [])
    room.join("Bob")
    assert turn_of(room.host) == "Bob"


def test_players_who_act_by_themselves(make: Callable[..., Room]) -> None:
    room = make()
    room.join("Ann", auto=True, pause=0.0)
    room.join("Bob", auto=True, pause=0.0)
    for count in (1, 2):
        room.until(lambda: room.host.game.is_own_turn)
        room.host.type("roll")
        room.until(lambda count=count: len(rolled(room.lines["host"])) >= 3 * count)  # type: ignore[misc]
    assert rolled(room.lines["host"])[:6] == ["Hana", "Ann", "Bob"] * 2


def test_what_is_typed(make: Callable[..., Room]) -> None:
    room = make()
    for line in ("", "players", "dance"):
        room.host.type(line)
    assert room.lines["host"][-2:] == ["Players: Hana", "Type one of: roll, pass, players"]


def test_a_port_that_is_taken(make: Callable[..., Room]) -> None:
    room = make()
    second = Table("Hana", print)
    assert second.host(room.host.peer.get_local_port(), "127.0.0.1") is Error.ERR_ALREADY_IN_USE
    assert "in use" in second.peer.get_listen_error()
    second.leave()
    assert second.left == ""
    taken = room.host.peer.get_local_port()
    assert second.host(0, "127.0.0.1", godot3_port=taken) is Error.ERR_ALREADY_IN_USE
    assert "in use" in second.peer.get_listen_error()


def test_the_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERNAME", "hana")
    assert user_name() == "hana"
    monkeypatch.delenv("USERNAME")
    monkeypatch.setenv("HOME", "/home/ann")
    assert user_name() == "ann"
    monkeypatch.delenv("HOME")
    assert user_name() == "A Python User"


def test_a_page_knows_nobody_s_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERNAME", "hana")
    monkeypatch.setattr("gdpeer.demos.roll.table.IN_PAGE", True)
    assert user_name() == "A Browser User"
