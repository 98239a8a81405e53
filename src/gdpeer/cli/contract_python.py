"""`gdpeer contract python`: writes Python base classes for the scripts of a Godot project.

Layer: `cli`.
"""

from __future__ import annotations

from pathlib import Path

import click

from gdpeer.cli.contract import Reading, output_options, source_options
from gdpeer.cli.groups import Action
from gdpeer.cli.stub_files import name_of, put, read_methods, refusing, stub_options
from gdpeer.contract.replicated import Replicated, read_replicated
from gdpeer.contract.write_python import write_python
from gdpeer.project_files.files import PROJECT

__all__ = ["python"]

EXAMPLES = """\b
Examples:
  gdpeer contract python game/ -o game_base.py             write base classes for your server
  gdpeer contract python game/ -o game_base.py --check     exit 1 if the game has changed since"""


@click.command(cls=Action, epilog=EXAMPLES)
@click.argument("source", metavar="SOURCE")
@click.option("-o", "--output", metavar="FILE", type=Path, help="The file to write; without, print the text.")
@stub_options
@source_options
@output_options
def python(source: str, output: Path | None, is_check: bool, force: bool, reading: Reading, form: str) -> int:
    """Write a Python base class for each script of SOURCE that has RPC methods.

    Subclass them and override the methods that your program runs, without @rpc. A file that gdpeer has not written is
    never overwritten without --force.
    """
    needing = [name for name, is_given in (("check", is_check), ("force", force), (form, form != "text")) if is_given]
    if output is None and needing:
        raise click.UsageError(f"--{needing[0]} needs -o FILE")
    found = read_methods(source, reading)
    is_project = found.engine == 4 and (Path(source) / PROJECT).is_file()
    replicated = read_replicated(Path(source)) if is_project else Replicated()
    text = refusing(lambda: write_python(found, name_of(source), replicated))
    if output is None:
        click.echo(text, nl=False)
        return 0
    return put({output: text}, is_check, force, form)
