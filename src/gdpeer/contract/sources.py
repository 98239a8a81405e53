"""`read`: the contract of any source: a Godot project, a script, a Python program, or a saved file.

Layer: `contract`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gdpeer.contract.model import Contract
from gdpeer.contract.project import read_project, read_scripts
from gdpeer.contract.saving import contract_from_json
from gdpeer.project_files.files import LARGEST, PROJECT

__all__ = ["file_on_disk", "read"]

MOST = 200
"""Most characters of a source's name in an error message."""


def read(source: str, *, engine: int = 0, exclude: Sequence[str] = (), root: str = "") -> Contract:
    """Reads the methods that other peers can call, and the nodes that have them.

    No code of a Godot project is run. A Python module is run, as by an import.

    Args:
        source: a folder with `project.godot`; a `.gd` file; a `.json` file that was saved before; a `.py` file or the
            name of a Python module, either with `:name` of a `SceneTree`, a `Node`, or a function that returns one.
        engine: 3 or 4: how to read Godot files. 0: as `project.godot` says, 4 without it.
        exclude: patterns of files to leave out, below the project's folder: `addons/*`, `*/test_*.gd`.
        root: the path, below `/root`, of the root of a `MultiplayerAPI` for a part of the tree. The result then holds
            only the places below, with paths from there.

    Raises:
        ValueError: the source does not exist or cannot be read; the message says why, in one sentence.
    """
    if not source.strip():
        raise ValueError("expected a project, a file or a module, got nothing")
    path = Path(source)
    try:
        if path.is_dir():
            found = _project(path, engine, exclude)
        elif path.suffix == ".gd":
            found = _script(path, engine, exclude)
        elif path.suffix == ".json":
            found = _saved(path)
        else:
            found = _program(source)
    except OSError as error:
        raise ValueError(f"cannot read {source[:MOST]}: {error.strerror or error}") from error
    return _below(found, root.strip("/").removeprefix("root/")) if root.strip("/") not in ("", "root") else found


def _project(folder: Path, engine: int, exclude: Sequence[str]) -> Contract:
    if not (folder / PROJECT).is_file():
        raise ValueError(f"{str(folder)[:MOST]} has no {PROJECT}: expected the folder of a Godot project")
    return read_project(folder, engine=engine, exclude=exclude)


def _script(file: Path, engine: int, exclude: Sequence[str]) -> Contract:
    """Reads one script: in its project, as it may extend other scripts, or else beside the scripts of its folder."""
    with file.open("rb"):
        pass  # a file that cannot be opened has an error with the right reason
    whole = file.resolve()
    folder = next((one for one in whole.parents if (one / PROJECT).is_file()), None)
    if folder is None:
        folder = whole.parent
        found = read_scripts(folder, sorted({*folder.glob("*.gd"), whole}), engine=engine)
    else:
        found = read_project(folder, engine=engine, exclude=exclude)
    name = f"res://{whole.relative_to(folder).as_posix()}"
    return replace(_only(found, name), source=str(file))


def _only(contract: Contract, name: str) -> Contract:
    """Returns the classes of one script, with their places and the problems of the script and its bases."""
    tables = tuple(one for one in contract.tables if one.id == name or one.id.startswith(f"{name}::"))
    ids = {one.id for one in tables}
    files = {name, *(method.file for table in tables for method in table.methods)}
    used = {argument.enumeration for table in tables for method in table.methods for argument in method.arguments}
    return replace(
        contract,
        tables=tables,
        places=tuple(one for one in contract.places if one.table in ids),
        problems=tuple(one for one in contract.problems if one.file in files),
        enumerations=tuple(one for one in contract.enumerations if one.id in used),
    )


def _saved(file: Path) -> Contract:
    if file.stat().st_size > LARGEST:
        raise ValueError(f"{str(file)[:MOST]} is larger than {LARGEST} bytes")
    try:
        return contract_from_json(file.read_bytes().decode("utf-8-sig"))
    except ValueError as error:  # also of bytes that are not UTF-8
        raise ValueError(f"{str(file)[:MOST]} {error}") from error


def _program(source: str) -> Contract:
    # `program` imports the multiplayer package: projects can be read without it.
    from gdpeer.contract.program import read_program

    return read_program(source)


def _below(contract: Contract, root: str) -> Contract:
    """Returns the contract of the part of the tree below `root`; classes without a place stay."""
    inside = tuple(
        replace(one, path=one.path.removeprefix(f"{root}/"))
        for one in contract.places
        if one.path.startswith((f"{root}/", "?"))
    )
    placed_elsewhere = {one.table for one in contract.places} - {one.table for one in inside}
    return replace(
        contract, tables=tuple(one for one in contract.tables if one.id not in placed_elsewhere), places=inside
    )


def file_on_disk(contract: Contract, file: str) -> str:
    """Returns the path of a file of a contract for messages: `game/player.gd` for `res://player.gd`.

    Args:
        contract: that names the file.
        file: a `file` of a method, a table or a problem.
    """
    name, is_in_project, below = file.rpartition("res://")
    if name or not is_in_project:
        return file
    folder = Path(contract.source)
    if folder.suffix == ".gd":  # of a script, the paths still begin at its project
        folder = next((one for one in folder.parents if (one / PROJECT).is_file()), folder.parent)
    elif folder.suffix == ".json":
        return file
    return (folder / below.partition("::")[0]).as_posix()
