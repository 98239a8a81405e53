"""The roll game with Python at the table: `gdpeer roll` as host and as guest, with the Godot projects of the demo."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.engines import Engine, versions
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command
from tests.support.roll import host, join, log, own_id, rolls, wait_for_names
from tests.support.waiting import until

pytestmark = pytest.mark.engine
ROLLED = re.compile(r"^(\w+): rolls \d+$")


class Roll(Process):
    """A `gdpeer roll`."""

    def __init__(self, *options: str) -> None:
        super().__init__(gdpeer_command("roll", *options))

    @property
    def rolls(self) -> list[str]:
        """Who rolled, in order, by what it printed."""
        return [found[1] for line in self.stdout if (found := ROLLED.match(line))]

    def wait_for_players(self, *names: str) -> None:
        self.wait_for(f"^Players: {', '.join(names)}$")


def python_host(*options: str, godot3: bool = False, name: str = "Hana") -> tuple[Roll, int, int]:
    """A host on free ports; with the ports."""
    third = ("--godot3-port", "0") if godot3 else ()
    roll = Roll("--host", "127.0.0.1", "--port", "0", "--name", name, *third, *options)
    port = int(roll.wait_for(r"^Godot 4 and Python: +ws://127\.0\.0\.1:(\d+)/$")[1])
    port3 = int(roll.wait_for(r"^Godot 3: +ws://127\.0\.0\.1:(\d+)/$")[1]) if godot3 else 0
    return roll, port, port3


def python_guest(port: int, name: str, *options: str) -> Roll:
    return Roll("--join", f"ws://127.0.0.1:{port}", "--name", name, "--auto", "--pause", "0.05", *options)


def ended_well(*engines: Engine) -> None:
    assert [engine.wait() for engine in engines] == [0] * len(engines)
    assert [engine.stderr for engine in engines] == [[]] * len(engines)


def test_a_whole_table_of_both_engines_and_python() -> None:
    """Two Godot 4 players, one of Godot 3, one in Python: turns, a cheater, one who leaves in turn, one who is late."""
    roll, port, port3 = python_host(godot3=True)
    options: dict[str, Any] = {"auto": True, "players": 5}
    with ExitStack() as table:
        table.enter_context(roll)
        ann = table.enter_context(join("4", port, "Ann", turns=4, **options))
        roll.wait_for_players("Hana", "Ann")
        bob = table.enter_context(join("4", port, "Bob", leave_in_turn=2, **options))
        roll.wait_for_players("Hana", "Ann", "Bob")
        cleo = table.enter_context(join("3", port3, "Cleo", turns=4, **options))
        roll.wait_for_players("Hana", "Ann", "Bob", "Cleo")
        pia = table.enter_context(python_guest(port, "Pia"))
        roll.wait_for_players("Hana", "Ann", "Bob", "Cleo", "Pia")

        def all_read(expected: list[str]) -> None:
            until(lambda: roll.rolls == rolls(ann) == rolls(cleo) == pia.rolls == expected)

        first = ["Hana", "Ann", "Bob", "Cleo", "Pia"]
        roll.say("roll")
        all_read(first)
        roll.wait_for("It is your turn")
        # The second round: Bob leaves when his turn comes.
        roll.say("roll")
        roll.wait_for_players("Hana", "Ann", "Cleo", "Pia")
        second = [*first, "Hana", "Ann", "Cleo", "Pia"]
        all_read(second)
        # The third: Dora sits down and tries to cheat.
        dora = table.enter_context(join("4", port, "Dora", auto=True, cheat=True, turns=1))
        roll.wait_for_players("Hana", "Ann", "Cleo", "Pia", "Dora")
        told = f"Someone is trying to cheat! {own_id(dora)}"
        roll.wait_for(re.escape(told))
        roll.say("roll")
        third = [*second, "Hana", "Ann", "Cleo", "Pia", "Dora"]
        all_read(third)
        assert [log(ann).count(told), log(cleo).count(told), pia.stdout.count(told)] == [1, 1, 1]
        ended_well(bob, dora)
        roll.wait_for_players("Hana", "Ann", "Cleo", "Pia")
        # In the fourth all leave but Pia, who sees the host go.
        roll.say("roll")
        fourth = [*third, "Hana", "Ann", "Cleo", "Pia"]
        until(lambda: roll.rolls[: len(fourth)] == fourth)
        ended_well(ann, cleo)
        roll.interrupt()
        assert roll.wait() == 0
        pia.wait_for("Connection closed: server gone")
        assert pia.wait() == 1
        assert roll.stderr == pia.stderr == []


@pytest.mark.parametrize("version", versions())
def test_a_python_player_at_an_engine_s_table(version: str) -> None:
    port = free_port()
    third = ("--godot3",) if version == "3" else ()
    with (
        host(version, port, auto=True, players=3, turns=4) as hana,
        join(version, port, "Ann", auto=True, players=3, turns=2) as ann,
    ):
        wait_for_names(hana, "Hana", "Ann")
        with python_guest(port, "Pia", *third) as pia:
            pia.wait_for("Connection closed: server gone")
            assert pia.wait() == 1
            assert pia.stderr == []
            ended_well(hana, ann)
            assert rolls(hana)[:6] == ["Hana", "Ann", "Pia"] * 2
            assert pia.rolls == rolls(hana)[: len(pia.rolls)]
            assert len(pia.rolls) >= 6


def test_a_python_host_who_does_not_play() -> None:
    roll, port, port3 = python_host("--dedicated", godot3=True)
    with roll, python_guest(port, "Pia") as pia:
        roll.wait_for_players("Pia")
        with (
            join("4", port, "Ann", auto=True, players=3, turns=3) as ann,
            join("3", port3, "Bob", auto=True, players=3, turns=2) as bob,
        ):
            ended_well(ann, bob)
            played = [name for name in roll.rolls if name != "Pia"]
            assert (played.count("Ann"), played.count("Bob")) == (3, 2)
        roll.popen.terminate()
        assert roll.wait() == 0
        assert pia.wait() == 1
