"""Godot 3's modes: the table of reference godot3-wire section 3."""

from __future__ import annotations

import pytest

from gdpeer import godot3
from gdpeer.multiplayer.api import RPCMode
from gdpeer.multiplayer.rpc.decorator import RpcConfig
from gdpeer.multiplayer.rpc.godot3_modes import Godot3Config, Mode, RemoteVar, calls_here, is_allowed, mode_of, var_mode

ALL = (Mode.DISABLED, Mode.REMOTE, Mode.MASTER, Mode.PUPPET, Mode.REMOTESYNC, Mode.MASTERSYNC, Mode.PUPPETSYNC)


@pytest.mark.parametrize(
    ("is_master", "sender_is_master", "allowed"),
    [
        (True, False, {Mode.REMOTE, Mode.REMOTESYNC, Mode.MASTER, Mode.MASTERSYNC}),
        (False, True, {Mode.REMOTE, Mode.REMOTESYNC, Mode.PUPPET, Mode.PUPPETSYNC}),
        (False, False, {Mode.REMOTE, Mode.REMOTESYNC}),
    ],
)
def test_who_may(is_master: bool, sender_is_master: bool, allowed: set[Mode]) -> None:
    assert {mode for mode in ALL if is_allowed(mode, is_master, sender_is_master)} == allowed


def test_what_a_call_does_here() -> None:
    assert {mode for mode in ALL if calls_here(mode, True)[0]} == {
        Mode.MASTER,
        Mode.MASTERSYNC,
        Mode.REMOTESYNC,
        Mode.PUPPETSYNC,
    }
    assert {mode for mode in ALL if not calls_here(mode, True)[1]} == {Mode.MASTER, Mode.MASTERSYNC}
    assert {mode for mode in ALL if calls_here(mode, False)[0]} == {
        Mode.PUPPET,
        Mode.REMOTESYNC,
        Mode.MASTERSYNC,
        Mode.PUPPETSYNC,
    }
    assert all(calls_here(mode, False)[1] for mode in ALL)


def test_old_names() -> None:
    assert Mode["SLAVE"] is Mode.PUPPET
    assert Mode["SYNC"] is Mode.REMOTESYNC


@pytest.mark.parametrize(
    ("mode", "nearest", "call_local"),
    [
        (Mode.DISABLED, RPCMode.DISABLED, False),
        (Mode.REMOTE, RPCMode.ANY_PEER, False),
        (Mode.MASTER, RPCMode.ANY_PEER, False),
        (Mode.PUPPETSYNC, RPCMode.AUTHORITY, True),
    ],
)
def test_the_nearest_meaning_in_godot_4(mode: Mode, nearest: RPCMode, call_local: bool) -> None:
    config = Godot3Config.of_mode(mode)
    assert (config.rpc_mode, config.call_local, mode_of(config)) == (nearest, call_local, mode)


@pytest.mark.parametrize(
    ("rpc_mode", "call_local", "mode"),
    [
        (RPCMode.DISABLED, False, Mode.DISABLED),
        (RPCMode.ANY_PEER, False, Mode.REMOTE),
        (RPCMode.ANY_PEER, True, Mode.REMOTESYNC),
        (RPCMode.AUTHORITY, False, Mode.PUPPET),
        (RPCMode.AUTHORITY, True, Mode.PUPPETSYNC),
    ],
)
def test_the_nearest_meaning_in_godot_3(rpc_mode: RPCMode, call_local: bool, mode: Mode) -> None:
    assert mode_of(RpcConfig(rpc_mode, call_local)) is mode


class Player(godot3.Node):
    health = godot3.remote.var(100)

    @godot3.puppet
    @property
    def place(self) -> str:
        return self._place

    @place.setter
    def place(self, value: str) -> None:
        self._place = value.upper()

    @godot3.mastersync
    def shoot(self) -> str:
        return "bang"


def test_variables_and_properties() -> None:
    one, other = Player("one"), Player("other")
    one.health = 50
    assert (one.health, other.health) == (50, 100)
    one.place = "here"
    assert one.place == "HERE"
    assert isinstance(Player.health, RemoteVar)
    assert [var_mode(one, name) for name in ("health", "place", "shoot", "name", "none")] == [
        Mode.REMOTE,
        Mode.PUPPET,
        Mode.DISABLED,
        Mode.DISABLED,
        Mode.DISABLED,
    ]
    assert one.shoot() == "bang"
    assert mode_of(Player.shoot.config) is Mode.MASTERSYNC
    with pytest.raises(TypeError, match="only a property"):
        Player.health.setter(print)


def test_names_in_repr() -> None:
    assert repr(godot3.puppetsync) == "gdpeer.godot3.puppetsync"
