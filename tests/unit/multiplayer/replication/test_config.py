"""`SceneReplicationConfig`: every row of the engine's table, its defaults, and what it does with mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import NodePath, ReplicationMode, SceneReplicationConfig

NEVER, ALWAYS, ON_CHANGE = ReplicationMode.NEVER, ReplicationMode.ALWAYS, ReplicationMode.ON_CHANGE


def paths(config: SceneReplicationConfig) -> list[str]:
    return [str(path) for path in config.get_properties()]


def test_the_modes_have_the_engine_s_values() -> None:
    assert [(mode.name, int(mode)) for mode in ReplicationMode] == [("NEVER", 0), ("ALWAYS", 1), ("ON_CHANGE", 2)]
    constants = (
        SceneReplicationConfig.REPLICATION_MODE_NEVER,
        SceneReplicationConfig.REPLICATION_MODE_ALWAYS,
        SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE,
    )
    assert constants == (NEVER, ALWAYS, ON_CHANGE)
    assert SceneReplicationConfig.ReplicationMode is ReplicationMode


def test_a_property_begins_with_spawn_and_always() -> None:
    config = SceneReplicationConfig()
    config.add_property(".:position")
    config.add_property(NodePath("Turret:rotation"))
    config.add_property(".:health", 1)
    assert paths(config) == [".:position", ".:health", "Turret:rotation"]
    assert all(isinstance(path, NodePath) for path in config.get_properties())
    assert config.has_property(NodePath(".:health"))
    assert not config.has_property(".:mana")
    assert [config.property_get_index(path) for path in paths(config)] == [0, 1, 2]
    assert config.property_get_spawn(".:health")
    assert config.property_get_replication_mode(".:health") is ALWAYS
    assert repr(config) == "<SceneReplicationConfig: .:position ALWAYS, .:health ALWAYS, Turret:rotation ALWAYS>"


@pytest.mark.parametrize(("path", "index"), [("", -1), (".:a", -1), (".:b", 2), (".:b", -2)])
def test_a_mistake_in_add_property_changes_nothing(path: str, index: int, caplog: pytest.LogCaptureFixture) -> None:
    config = SceneReplicationConfig()
    config.add_property(".:a")
    config.add_property(path, index)
    assert paths(config) == [".:a"]
    assert len(caplog.records) == 1


def test_flag_and_mode_are_independent() -> None:
    config = SceneReplicationConfig()
    config.add_property(".:a")
    config.property_set_spawn(".:a", False)
    config.property_set_replication_mode(NodePath(".:a"), 2)
    assert (config.property_get_spawn(".:a"), config.property_get_replication_mode(".:a")) == (False, ON_CHANGE)
    config.property_set_spawn(".:a", True)
    config.property_set_replication_mode(".:a", NEVER)
    assert (config.property_get_spawn(".:a"), config.property_get_replication_mode(".:a")) == (True, NEVER)
    with pytest.raises(ValueError, match="3"):
        config.property_set_replication_mode(".:a", 3)


def test_unknown_properties_are_logged_but_when_removed(caplog: pytest.LogCaptureFixture) -> None:
    config = SceneReplicationConfig()
    config.remove_property(".:gone")
    assert not caplog.records
    assert config.property_get_index(".:gone") == -1
    assert config.property_get_spawn(".:gone") is False
    assert config.property_get_replication_mode(".:gone") is NEVER
    config.property_set_spawn(".:gone", True)
    config.property_set_replication_mode(".:gone", ALWAYS)
    assert len(caplog.records) == 5
    assert {record.getMessage() for record in caplog.records} == {
        "SceneReplicationConfig: there is no property '.:gone'"
    }
    config.add_property(".:a")
    config.remove_property(".:a")
    assert paths(config) == []
    assert repr(config) == "<SceneReplicationConfig: no properties>"


def test_the_old_names_of_modes() -> None:
    config = SceneReplicationConfig()
    config.add_property(".:a")
    seen: list[Any] = []
    for method, enabled in [
        (config.property_set_watch, True),
        (config.property_set_sync, False),  # has no effect: the mode is not ALWAYS
        (config.property_set_watch, False),
        (config.property_set_sync, True),
        (config.property_set_watch, False),
        (config.property_set_sync, False),
    ]:
        method(".:a", enabled)
        mode = config.property_get_replication_mode(".:a")
        assert config.property_get_sync(".:a") == (mode is ALWAYS)
        assert config.property_get_watch(".:a") == (mode is ON_CHANGE)
        seen.append(mode)
    assert seen == [ON_CHANGE, ON_CHANGE, NEVER, ALWAYS, ALWAYS, NEVER]


def test_users_hear_of_each_change() -> None:
    class User:
        count = 0

        def configuration_changed(self) -> None:
            self.count += 1

    config, user = SceneReplicationConfig(), User()
    config.users.add(user)
    config.add_property(".:a")
    config.property_set_spawn(".:a", False)
    config.property_set_replication_mode(".:a", NEVER)
    config.remove_property(".:a")
    config.remove_property(".:a")
    assert user.count == 4


def test_arguments_of_other_types_are_refused() -> None:
    config: Any = SceneReplicationConfig()
    for call in (
        lambda: config.add_property(3),
        lambda: config.add_property(".:a", "1"),
        lambda: config.has_property(None),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(AttributeError):
        config.more = 1
