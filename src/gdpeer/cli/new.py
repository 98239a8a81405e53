"""`gdpeer new`: makes a Godot project and its server in Python, with tests, or a server for an existing game.

Layer: `cli`.
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import click

from gdpeer.cli.contract import Reading
from gdpeer.cli.failure import Failure
from gdpeer.cli.new_project import EXISTING, TEMPLATES, Project, files_of, write_files
from gdpeer.cli.options import Choice, quoted
from gdpeer.cli.stub_files import read_methods, refusing
from gdpeer.contract import contract_to_json
from gdpeer.contract.replicated import read_replicated
from gdpeer.contract.write_python import write_python
from gdpeer.quoting import escape

__all__ = ["new"]

EXAMPLES = """\b
Examples:
  gdpeer new arena --template realtime  make the folder arena: a game in real time, and its server
  gdpeer new server --godot ../my-game  make a server for the game in ../my-game"""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")
LONGEST = 60
TAKEN = "gdpeer"
"""The name of the package that a project needs, and so cannot have."""

NOT_IN_PATHS = frozenset('"\\`$!%#:')
"""Characters that a path cannot have in double quotes, in Python and in each shell."""


@click.command(epilog=EXAMPLES)
@click.argument("name", metavar="NAME")
@click.option(
    "--template", metavar="KIND", type=Choice(TEMPLATES), help="Kind of the game, see above.  [default: chat]"
)
@click.option("--godot", "game", metavar="PROJECT", type=Path, help="Folder of a Godot 4 project: make its server.")
def new(name: str, template: str | None, game: Path | None) -> None:
    """Make a folder NAME with a Godot 4 project and its server in Python, with tests.

    KIND is chat (people say things to each other, by RPC), turns (noughts and crosses, whose moves the server checks),
    realtime (the server moves the players, and replicates them) or rooms (many games on one port, with a lobby).

    Game and server run at once, and their tests pass. With --godot, the folder has a server for the game in PROJECT,
    which is not changed.
    """
    target = Path(name)
    if len(target.name) > LONGEST or not NAME.fullmatch(target.name) or target.name.lower() == TAKEN:
        raise click.BadParameter(
            f"{quoted(target.name)} is no name: use at most {LONGEST} letters and digits, with - or _ between words",
            param_hint="NAME",
        )
    if game is None:
        project = Project(target.name, template or "chat")
        files = files_of(project)
    elif template is not None:
        raise click.UsageError("--godot and --template cannot be used together")
    else:
        project, files = existing(target, game)
    try:
        write_files(target, files)
    except FileExistsError as error:
        raise click.UsageError(f"{escape(name)} exists already, and is not empty") from error
    except OSError as error:
        raise Failure(f"cannot make {escape(name)}: {error.strerror or error}") from error
    for line in next_steps(target, project):
        click.echo(line)


def existing(target: Path, game: Path) -> tuple[Project, dict[str, str]]:
    """Returns the project and the files of a server for a game that exists.

    Raises:
        click.UsageError: the game cannot be read, or has no RPC methods.
    """
    if not (game / "project.godot").is_file():
        raise click.UsageError(f"{escape(str(game))} has no project.godot: expected the folder of a Godot 4 project")
    found = read_methods(str(game), Reading())
    if found.engine != 4:
        raise click.UsageError("--godot takes projects of Godot 4; for Godot 3: gdpeer contract python")
    replicated = read_replicated(game)
    stubs: str = refusing(lambda: write_python(found, game.resolve().name, replicated))
    seen = seen_from(target, game)
    project = Project(
        target.name,
        EXISTING,
        seen,
        {
            "GAME_NAMES": "Scenes, SceneTree" if replicated else "SceneTree",
            "GAME_SCENES": "scenes=Scenes(GAME)" if replicated else "",
        },
    )
    saved = contract_to_json(dataclasses.replace(found, source=game.resolve().name)) + "\n"
    return project, {**files_of(project), "game_base.py": stubs, "game.json": saved}


def seen_from(target: Path, game: Path) -> str:
    """Returns the path of a game from the new folder, with slashes.

    Raises:
        click.UsageError: there is no such path, or it cannot stand in the files of the project.
    """
    try:
        seen = Path(os.path.relpath(game.resolve(), target.resolve())).as_posix()
    except ValueError as error:
        raise click.UsageError("--godot: expected a game on the same drive as the new folder") from error
    if not NOT_IN_PATHS.isdisjoint(seen) or not seen.isprintable():
        raise click.UsageError(f"--godot: a file of the project cannot name the path {quoted(seen)}: rename the folder")
    return seen


def next_steps(target: Path, project: Project) -> list[str]:
    """Returns the lines that say what to do next."""
    steps = {
        f"cd {escape(str(target))}": "",
        project.command: "starts the server",
        f"godot --path {escape(project.game_word)}": "starts the game; again for each further player",
        "python -m pytest": "runs the tests",
    }
    width = max(map(len, steps))
    lines = [f"  {command:<{width}}   {what}".rstrip() for command, what in steps.items()]
    return [f"{escape(str(target))} is made. Next:", *lines]
