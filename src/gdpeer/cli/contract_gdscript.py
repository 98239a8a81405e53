"""`gdpeer contract gdscript`: writes GDScript stubs for the classes of a Python program.

Layer: `cli`.
"""

from __future__ import annotations

from pathlib import Path

import click

from gdpeer.cli.contract import Reading, output_options, source_options
from gdpeer.cli.groups import Action
from gdpeer.cli.stub_files import name_of, put, read_methods, refusing, stub_options
from gdpeer.contract.write_gdscript import write_gdscript

__all__ = ["gdscript"]

EXAMPLES = """\b
Examples:
  gdpeer contract gdscript server.py -o game/net/          write a script for each class
  gdpeer contract gdscript server.py -o game/net/ --check  exit 1 if the program has changed since
  gdpeer contract gdscript server.py -o game3/ --godot3    write scripts for Godot 3"""


@click.command(cls=Action, epilog=EXAMPLES)
@click.argument("source", metavar="SOURCE")
@click.option("-o", "--output", metavar="FOLDER", type=Path, required=True, help="The folder to write to.")
@click.option("--typed", is_flag=True, help="Write types such as Array[int], whose calls need typed arrays.")
@stub_options
@source_options
@output_options
def gdscript(source: str, output: Path, typed: bool, is_check: bool, force: bool, reading: Reading, form: str) -> int:
    """Write a GDScript file for each class of SOURCE that has RPC methods.

    The methods have @rpc and an empty body; extend the scripts and fill in those that the game runs. A file that gdpeer
    has not written is never overwritten without --force.
    """
    found = read_methods(source, reading)
    engine = reading.engine or found.engine
    files: dict[str, str] = refusing(lambda: write_gdscript(found, engine, name_of(source), typed))
    return put({output / name: text for name, text in files.items()}, is_check, force, form)
