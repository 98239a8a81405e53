"""The files of a new project, made from the folders in `templates`.

The templates are plain files in the package: no tool has to be installed, and no network is needed. Names in capital
letters, such as GAME_TITLE, are replaced; nothing else is a language of its own.

Layer: `cli`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gdpeer

__all__ = ["EXISTING", "TEMPLATES", "Project", "files_of", "write_files"]

TEMPLATES = ("chat", "turns", "realtime", "rooms")
EXISTING = "existing"
"""The template for a game that exists."""

FOLDER = Path(gdpeer.__file__).parent / "templates"
PLAIN = re.compile(r"[\w./-]+")
TOKEN = re.compile(r"GAME_[A-Z_]*[A-Z]")
HIDDEN = "dot_"
"""Begins the name of a file or folder that begins with a dot in the project."""

SERVE = ("python serve.py", ["python", "serve.py"])
SERVE_ROOMS = (
    "gdpeer serve server:Arena",
    ["sh", "-c", 'exec gdpeer serve server:Arena --host "$HOST" --port "$PORT"'],
)

ADDRESS = """
`game/main.gd` has the address of the server; another address goes behind `--`: `godot --path game -- ws://192.168.0.7:8910`.
"""
SERVE_ROW = "| `serve.py` | opens the port, and runs the server |\n"
GAME_ROW = "| `game/` | the Godot 4 project |\n"
EXISTING_ROWS = """\
| `game_base.py` | a class for each script of the game with RPC methods |
| `game.json` | the RPC methods of the game, which the tests compare with those of the server |
"""
CHANGE = """\
When you add an RPC method, add it on both sides. `gdpeer contract check game server.py:make_tree` says what differs."""
EXISTING_CHANGE = """\
When the game has changed, write both files anew:

```sh
gdpeer contract python {0} -o game_base.py
gdpeer contract show {0} --json > game.json
gdpeer contract check game.json server.py:make_tree
```"""


@dataclass(frozen=True)
class Project:
    """What a new project is to be.

    Attributes:
        name: of the folder, the package and the container.
        template: of `TEMPLATES`, or `EXISTING`.
        game: the folder of the Godot project, as seen from the new folder.
        tokens: further names to replace, with their texts.
    """

    name: str
    template: str
    game: str = "game"
    tokens: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that starts the server, in the new folder."""
        return (SERVE_ROOMS if self.template == "rooms" else SERVE)[0]

    @property
    def game_word(self) -> str:
        """The game's folder as a word of a command line."""
        return self.game if PLAIN.fullmatch(self.game) else f'"{self.game}"'

    def texts(self) -> dict[str, str]:
        """Returns the text of each name in capital letters."""
        is_rooms = self.template == "rooms"
        about = (FOLDER / self.template / "about.md").read_text("utf-8").strip()
        is_existing = self.template == EXISTING
        return {
            "GAME_NAME": self.name,
            "GAME_TITLE": re.sub(r"[-_]+", " ", self.name).title(),
            "GAME_ABOUT": about,
            "GAME_FOLDER": self.game,
            "GAME_WORD": self.game_word,
            "GAME_CONTRACT": "game.json" if is_existing else self.game_word,
            "GAME_ADDRESS": "" if is_existing else ADDRESS,
            "GAME_CHANGE": EXISTING_CHANGE.format(self.game_word) if is_existing else CHANGE,
            "GAME_REQUIREMENT": "gdpeer[cli,cluster]" if is_rooms else "gdpeer[cli]",
            "GAME_COMMAND": self.command,
            "GAME_COMMAND_LIST": json.dumps((SERVE_ROOMS if is_rooms else SERVE)[1]),
            "GAME_ROWS": ("" if is_rooms else SERVE_ROW) + (EXISTING_ROWS if is_existing else GAME_ROW),
            **self.tokens,
        }


def files_of(project: Project) -> dict[str, str]:
    """Returns the text of each file of a project, by its path from the project's folder."""
    texts = project.texts()

    def filled(text: str) -> str:
        return TOKEN.sub(lambda found: texts[found[0]], text)

    return {path: filled(text) for path, text in _sources(project.template)}


def _sources(template: str) -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each file of a template, shared ones first."""
    for folder in ("shared", template):
        top = FOLDER / folder
        for file in sorted(path for path in top.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            path = file.relative_to(top)
            is_left_out = (
                path.name == "about.md"
                or (template == "rooms" and path.name == "serve.py")
                or (template == EXISTING and path.parts[0] == "game")
            )
            if not is_left_out:
                parts = (f".{part.removeprefix(HIDDEN)}" if part.startswith(HIDDEN) else part for part in path.parts)
                yield "/".join(parts), file.read_text("utf-8")


def write_files(target: Path, files: Mapping[str, str]) -> None:
    """Writes a new folder: all files, or nothing.

    Raises:
        FileExistsError: the folder exists and is not empty, or is a file.
        OSError: the folder cannot be written.
    """
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise FileExistsError(f"{target} exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        made.chmod(0o777 & ~_mask())
        for path, text in files.items():
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
        if target.exists():
            target.rmdir()
        made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _mask() -> int:
    """Returns the permissions that new folders of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
