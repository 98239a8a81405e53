"""The roll demo's Godot projects among themselves: what a Python host has to be like, and the projects' own check."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.engines import Engine, command, environment, versions
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.roll import ROLL, host, join, log, own_id, rolls, wait_for_names, wait_for_rolls

pytestmark = pytest.mark.engine
Options = dict[str, Any]
CHECKSUM = b"599eb6c9feef319c68c1b0a901241908"
PATH = b"Panel/VBoxContainer/Game\x00"


@pytest.fixture(params=versions())
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def assert_ended(*players: Engine, status: int = 0) -> None:
    """They quit by themselves, and none printed an error or a warning."""
    assert [player.wait() for player in players] == [status] * len(players)
    assert [player.stderr for player in players] == [[]] * len(players)


def turns(engine: Engine) -> list[int]:
    """The ids of the players in turn, a turn that is told twice counted once."""
    found = [event["id"] for event in engine.all("turn")]
    return [found[i] for i in range(len(found)) if i == 0 or found[i] != found[i - 1]]


@contextmanager
def game(version: str, hana: Options, ann: Options, bob: Options) -> Iterator[tuple[Engine, Engine, Engine]]:
    """Hana hosts, Ann joins, then Bob; each plays by itself. The host's game begins with the third."""
    port = free_port()
    with (
        host(version, port, auto=True, players=3, **hana) as first,
        join(version, port, "Ann", auto=True, **ann) as second,
    ):
        wait_for_names(first, "Hana", "Ann")
        with join(version, port, "Bob", auto=True, players=3, **bob) as last:
            yield first, second, last


def test_three_players_act_turn_after_turn(version: str) -> None:
    with game(version, {"turns": 5}, {"turns": 2}, {"turns": 4}) as (hana, ann, bob):
        assert_ended(hana, ann, bob)
        assert rolls(hana) == ["Hana", "Ann", "Bob"] * 2 + ["Hana", "Bob"] * 2 + ["Hana"]
        ids = [own_id(player) for player in (hana, ann, bob)]
        assert turns(hana)[:6] == ids * 2
        assert ids[0] == 1
        assert min(ids[1:]) > 1
        for client, actions in ((ann, 2), (bob, 4)):
            assert log(client) == log(hana)[: len(log(client))]
            assert len(rolls(client)) >= 5
            assert turns(client)[:6] == turns(hana)[:6]
            assert client.wait_for("quit")["acted"] == actions
            assert {event["id"] for event in client.all("turn") if event["own"]} == {own_id(client)}
        assert ann.wait_for("left")["reason"] == "left"  # Bob and the host may go at the same time


def test_who_leaves_out_of_his_turn_does_not_move_it(version: str) -> None:
    with game(version, {"turns": 3}, {"turns": 1}, {"turns": 2, "pause": 0.4}) as (hana, ann, bob):
        assert_ended(hana, ann, bob)
        assert rolls(hana) == ["Hana", "Ann", "Bob", "Hana", "Bob", "Hana"]
        told = [event for event in bob.events if event["event"] in {"players", "turn", "acted"}]
        acted = told.index(bob.all("acted")[0])
        assert [player["name"] for player in told[acted - 2]["players"]] == ["Hana", "Bob"]
        assert (told[acted - 1]["own"], told[acted - 1]["turn"]) == (True, 1)


def test_a_cheater_is_refused_and_named_to_all(version: str) -> None:
    with game(version, {"turns": 2, "pause": 0.5}, {}, {"cheat": True}) as (hana, ann, bob):
        assert_ended(hana, ann, bob)
        told = f"Someone is trying to cheat! {own_id(bob)}"
        assert len(bob.all("cheated")) == 1
        for player in (hana, ann, bob):
            assert log(player)[0] == told
            assert log(player).count(told) == 1
            assert rolls(player)[:4] == ["Hana", "Ann", "Bob", "Hana"]


@pytest.mark.parametrize("leaver", ["Ann", "Bob"])
def test_the_game_goes_on_when_someone_leaves_in_his_turn(version: str, leaver: str) -> None:
    stayer = "Bob" if leaver == "Ann" else "Ann"
    options: dict[str, Options] = {leaver: {"leave_in_turn": 2}, stayer: {"turns": 4}}
    with game(version, {"turns": 5}, options["Ann"], options["Bob"]) as (hana, ann, bob):
        assert_ended(hana, ann, bob)
        assert rolls(hana) == ["Hana", "Ann", "Bob"] + ["Hana", stayer] * 3 + ["Hana"]
        gone, stays = (ann, bob) if leaver == "Ann" else (bob, ann)
        assert (gone.wait_for("quit")["acted"], gone.wait_for("quit")["turns"]) == (1, 2)
        assert ["Hana", stayer] in [[player["name"] for player in event["players"]] for event in stays.all("players")]
        # The very next turn is that of the one behind him, or the host's when he was the last.
        after = turns(stays)[turns(stays).index(own_id(gone), 3) + 1]
        assert after == (own_id(bob) if leaver == "Ann" else 1)


def test_who_comes_late_gets_the_list_and_a_turn(version: str) -> None:
    port = free_port()
    with host(version, port, auto=True, players=2) as hana, join(version, port, "Ann", auto=True) as ann:
        wait_for_rolls(hana, 5)
        with join(version, port, "Late", auto=True, turns=2) as late:
            assert_ended(late)
            first, second, *_ = late.all("players")
            assert first["players"] == [{"id": 1, "name": "Hana"}]
            assert second["players"] == [{"id": 1, "name": "Hana"}, {"id": own_id(ann), "name": "Ann"}]
            assert ["Hana", "Ann", "Late"] in [[p["name"] for p in e["players"]] for e in ann.all("players")]
            assert late.all("turn")[0]["turn"] in {0, 1}
            mine = [i for i, name in enumerate(rolls(late)) if name == "Late"]
            assert rolls(late)[mine[0] : mine[0] + 4] == ["Late", "Hana", "Ann", "Late"]
            wait_for_names(ann, "Hana", "Ann")
            count = len(rolls(hana))
            wait_for_rolls(hana, count + 3)
            assert {*rolls(hana)[-2:]} == {"Hana", "Ann"}
        assert (hana.stderr, ann.stderr) == ([], [])


def test_the_end_of_the_host_is_the_end_of_the_game(version: str) -> None:
    with game(version, {"turns": 1}, {}, {"turns": 9}) as (hana, ann, bob):
        assert_ended(hana, ann)
        assert_ended(bob, status=1)
        assert hana.wait_for("left")["reason"] == "left"
        assert [player.wait_for("left")["reason"] for player in (ann, bob)] == ["server gone"] * 2


def test_the_host_may_be_killed(version: str) -> None:
    port = free_port()
    with host(version, port) as hana, join(version, port, "Ann") as ann:
        wait_for_names(ann, "Hana", "Ann")
        hana.kill()
        assert_ended(ann)
        assert ann.wait_for("left")["reason"] == "server gone"


def test_nobody_there(version: str) -> None:
    with join(version, free_port(), "Ann") as ann:
        assert ann.wait() == 1
        assert ann.wait_for("left")["reason"] == "connection failed"


def test_a_port_in_use(version: str) -> None:
    port = free_port()
    project = ROLL / f"godot{version}"
    with host(version, port), Engine(version, project, "start.tscn", "--host", f"--port={port}") as second:
        assert second.wait() == 3
        assert second.find("error") is not None


def test_a_timeout(version: str) -> None:
    with host(version, free_port(), timeout=0.5) as hana:
        assert_ended(hana, status=2)
        assert hana.find("timeout") is not None


def test_four_tables_in_one_window_played_with_the_mouse(version: str) -> None:
    script = ROOT / "tests" / "interop" / "roll_windows" / f"godot{version}.gd"
    words = [*command(version), "--path", str(ROLL / f"godot{version}"), "--script", str(script)]
    with Process(words, environment={**environment(), "ROLL_PORT": str(free_port())}) as window:
        window.wait_for('"event":"done"')
        assert window.wait() == 0
        assert window.stderr == []
        assert sum('"event":"click"' in line for line in window.stdout) == 10


# --- The wire, looked at from outside


@contextmanager
def stranger(port: int) -> Iterator[tuple[ClientConnection, int]]:
    """Someone without an engine; the connection and the id that the host gave."""
    with connect(f"ws://127.0.0.1:{port}", subprotocols=[Subprotocol("ludus")], compression=None, proxy=None) as socket:
        first = received(socket)
        yield socket, struct.unpack("<i", first[-4:])[0]


def received(socket: ClientConnection) -> bytes:
    message = socket.recv(timeout=30.0)
    assert isinstance(message, bytes)
    return message


def text(value: str) -> bytes:
    """A String as an argument, in both engines."""
    data = value.encode()
    return struct.pack("<II", 4, len(data)) + data + b"\x00" * (-len(data) % 4)


def test_method_ids_and_checksum_of_godot_4() -> None:
    port = free_port()
    with host("4", port) as hana, stranger(port) as (socket, _):
        assert received(socket) == b"\x01" + CHECKSUM + b"\x00" + struct.pack("<I", 1) + PATH
        calls = [received(socket) for _ in range(3)]
        assert [call[5] for call in calls] == [1, 1, 5]  # add_player twice, set_turn
        assert all(call.endswith(PATH) for call in calls)
        assert hana.stderr == []


def test_path_and_names_of_godot_3() -> None:
    port = free_port()
    with host("3", port) as hana, stranger(port) as (socket, own):
        header = struct.pack("<Bii", 1, 1, 0)
        assert received(socket) == header + struct.pack("<i", 1)  # ADD 1
        header = struct.pack("<Bii", 0, 1, own)
        assert received(socket) == header + b"\x02" + struct.pack("<I", 1) + PATH
        calls = [received(socket) for _ in range(3)]
        assert [call[14:].split(b"\x00")[0] for call in calls] == [b"add_player", b"add_player", b"set_turn"]
        assert all(call.endswith(PATH) for call in calls)
        assert hana.stderr == []


def call4(method: int, argument: str) -> bytes:
    """A call of the game's method with one String, by its full path."""
    body = bytes([method, 1]) + text(argument)
    return struct.pack("<BI", 0x20, 0x80000000 | 5 + len(body)) + body + PATH


def call3(own: int, to: int, method: str, argument: str) -> bytes:
    """The same for Godot 3, with the header that says for whom it is."""
    body = method.encode() + b"\x00\x01" + text(argument)
    return struct.pack("<BiiBI", 0, own, to, 0, 0x80000000 | 5 + len(body)) + body + PATH


def test_an_action_that_does_not_exist_is_refused(version: str) -> None:
    port = free_port()
    with host(version, port, auto=True, players=2) as hana, stranger(port) as (socket, own):
        hana.wait_for("turn", id=own)
        for action in ("explode", "pass"):
            socket.send(call4(3, action) if version == "4" else call3(own, 1, "request_action", action))
        hana.wait_for("log", text="Invalid action: explode")
        hana.wait_for("turn", id=own)
        hana.process.wait_until(lambda: rolls(hana)[1:] == ["Hana"], "the host's next roll", 5.0)
        assert log(hana)[2].startswith(f"... connecting ...: {action}s ")
        assert hana.stderr == []


def test_only_the_host_is_believed() -> None:
    """Godot 3's servers pass on what a client sends to the others, and its remotesync methods take it from anyone."""
    port = free_port()
    with host("3", port) as hana, join("3", port, "Ann") as ann:
        wait_for_names(ann, "Hana", "Ann")
        with stranger(port) as (socket, own):
            wait_for_names(ann, "Hana", "Ann", "")
            for method in ("_log", "do_action", "add_player", "set_player_name"):
                socket.send(call3(own, 0 if method != "set_player_name" else 1, method, "Mallory"))
            wait_for_names(ann, "Hana", "Ann", "Mallory")
            assert (log(hana), log(ann)) == ([], [])
            assert (hana.stderr, ann.stderr) == ([], [])
        wait_for_names(ann, "Hana", "Ann")
