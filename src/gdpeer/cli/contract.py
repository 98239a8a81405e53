"""`gdpeer contract`: what both sides of a game can call. Here are the group, and the options that all actions have.

Layer: `cli`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from gdpeer.cli.groups import LazyGroup
from gdpeer.cli.options import Choice
from gdpeer.contract import Contract, read
from gdpeer.quoting import escape

__all__ = ["LONG", "Reading", "contract", "github_line", "output_options", "source_options"]

LONG = 2_000
"""Most characters of one line of output that names what a project holds."""


class ContractActions(LazyGroup):
    """The actions of `gdpeer contract`. Each is a `groups.Action`: `@click.command(cls=Action)`."""

    names = ("show", "check", "python", "gdscript", "explain")
    prefix = "contract_"
    word = "action"


EXAMPLES = """\b
Examples:
  gdpeer contract show game/                   list all methods of a Godot project
  gdpeer contract show game/ --json > game.json     save the list
  gdpeer contract check game/ server.py:make_tree   compare the project with a Python program"""


@click.group(cls=ContractActions, epilog=EXAMPLES, invoke_without_command=True)
@click.pass_context
def contract(context: click.Context) -> None:
    """List and compare the RPC methods of a Godot project and of a Python program.

    A SOURCE is a Godot project's folder, a .gd file, a .py file or Python module, either with :NAME of a SceneTree, a
    Node or a function that returns one, or a .json file that show has written.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@dataclass(frozen=True, slots=True)
class Reading:
    """The options that say how to read sources.

    Attributes:
        engine: 3 or 4; 0: the source decides.
        exclude: patterns of files to leave out.
        root: of the `MultiplayerAPI`, below `/root`.
    """

    engine: int = 0
    exclude: tuple[str, ...] = ()
    root: str = ""

    def read(self, source: str) -> Contract:
        """Returns the contract of a source.

        Raises:
            click.UsageError: the source cannot be read.
        """
        try:
            return read(source, engine=self.engine, exclude=self.exclude, root=self.root)
        except ValueError as error:
            raise click.UsageError(str(error), click.get_current_context()) from error


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--godot3`, `--godot4`, `--exclude` and `--root` to a command, which gets them as `reading`."""

    @click.option("--godot3", is_flag=True, help="Read Godot sources as Godot 3.")
    @click.option("--godot4", is_flag=True, help="Read Godot sources as Godot 4.")
    @click.option("--exclude", multiple=True, metavar="GLOB", help="Leave files of a project out; repeatable.")
    @click.option("--root", default="", metavar="NODE", help="Root of the MultiplayerAPI, if it is not /root.")
    @functools.wraps(command)
    def run(godot3: bool, godot4: bool, exclude: tuple[str, ...], root: str, **others: Any) -> Any:
        if godot3 and godot4:
            raise click.UsageError("--godot3 and --godot4 cannot be used together", click.get_current_context())
        return command(reading=Reading(3 if godot3 else 4 if godot4 else 0, exclude, root), **others)

    return run


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--json`, `--github` and `--format` to a command, which gets "text", "json" or "github" as `form`."""

    @click.option("--json", "is_json", is_flag=True, help="Print JSON.")
    @click.option("--github", is_flag=True, help="Print annotations for GitHub Actions.")
    @click.option("--format", "form", type=Choice(["text", "json", "github"]), help="Form of the output.")
    @functools.wraps(command)
    def run(is_json: bool, github: bool, form: str | None, **others: Any) -> Any:
        chosen = {*(["json"] * is_json), *(["github"] * github), *([form] if form else [])}
        if len(chosen) > 1:
            raise click.UsageError("expected one form of the output: --json or --github", click.get_current_context())
        return command(form=chosen.pop() if chosen else "text", **others)

    return run


def github_line(level: str, file: str, line: int, text: str) -> str:
    """Returns an annotation of GitHub Actions: `::error file=game/player.gd,line=31::text`.

    Args:
        level: "error", "warning" or "notice".
        file: as in the repository; "" without.
        line: 0 without.
        text: of any length and content; control characters are escaped.
    """
    place = [f"file={_escaped(file).replace(':', '%3A').replace(',', '%2C')}"] if file else []
    place += [f"line={line}"] if line and file else []
    return f"::{level}{' ' if place else ''}{','.join(place)}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return escape(text, LONG).replace("%", "%25")
