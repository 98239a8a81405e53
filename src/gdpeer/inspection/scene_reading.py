"""Reads the tables of `scene_names` from the scenes of a Godot 4 project.

Layer: `inspection`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gdpeer.errors import SceneError
from gdpeer.inspection.scene_names import SceneTable, Spawner, Synchronizer
from gdpeer.multiplayer.replication.config import ReplicationMode
from gdpeer.multiplayer.replication.scene_files import Blueprint, Part, SceneFiles
from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.project_files.replication_config import PropertySyntax

__all__ = ["read_scene_tables"]


def read_scene_tables(project: Path) -> tuple[list[SceneTable], list[str]]:
    """Reads all scenes of a project in text form.

    Args:
        project: the folder with `project.godot`.

    Returns:
        The tables of the scenes, the scenes that the game begins with first; and the scenes that cannot be read, each
        with the reason.
    """
    problems: list[str] = []
    files = SceneFiles(project, problems.append)
    tables: dict[str, SceneTable] = {}
    for path in files.scenes():
        try:
            blueprint = files.blueprint(path)
        except SceneError as error:
            problems.append(str(error))
        else:
            if blueprint is not None:
                tables[path] = table_of(blueprint)
    first = [
        tables[path]._replace(root=root or tables[path].root) for path, root in files.first_scenes() if path in tables
    ]
    return [*first, *tables.values()], problems


def table_of(blueprint: Blueprint) -> SceneTable:
    """Returns the table of one scene."""
    parts = blueprint.parts.values()
    synchronizers = {part.path: synchronizer_of(part) for part in parts if part.kind is MultiplayerSynchronizer}
    of_root = tuple(
        found for path, found in synchronizers.items() if blueprint.parts[path].root_of_synchronizer() == ""
    )
    spawners = {part.path: spawner_of(part) for part in parts if part.kind is MultiplayerSpawner}
    return SceneTable(blueprint.path, blueprint.root.name, synchronizers, of_root, spawners)


def synchronizer_of(part: Part) -> Synchronizer:
    """Returns the names that a synchronizer of a scene leaves out."""
    properties = [] if part.configuration is None else part.configuration.properties
    always = (one for one in properties if one.mode == ReplicationMode.ALWAYS)
    on_change = (one for one in properties if one.mode == ReplicationMode.ON_CHANGE)
    return Synchronizer(part.path, names(one for one in properties if one.spawn), names(always), names(on_change))


def names(properties: Iterable[PropertySyntax]) -> tuple[str, ...]:
    """Returns the names of properties: `health` of the root node, `Turret:rotation` of another."""
    return tuple(str(one.path).removeprefix(".:").removeprefix(":") for one in properties)


def spawner_of(part: Part) -> Spawner:
    """Returns the names that a spawner of a scene leaves out."""
    target = str(part.members.get("spawn_path", ""))
    # A script can set the path that the file leaves out.
    below = target if target.startswith("/") or not target else f"{part.path}/{target}"
    return Spawner(below, tuple(part.spawnable))
