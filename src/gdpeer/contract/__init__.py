"""Reads the methods that both sides of a game can call from a Godot project, without an engine.

    from gdpeer.contract import read_project

    for table in read_project(Path("game")).tables:
        print(table.id, table.names, table.checksum)

Layer: `contract`, above `multiplayer`; pure, except for `project`, which reads files.
"""

from gdpeer.contract.model import (
    Argument,
    Contract,
    Enumeration,
    Method,
    Place,
    Problem,
    Table,
    Variable,
    checksum_of,
)
from gdpeer.contract.project import read_project, read_scripts

__all__ = [
    "Argument",
    "Contract",
    "Enumeration",
    "Method",
    "Place",
    "Problem",
    "Table",
    "Variable",
    "checksum_of",
    "read_project",
    "read_scripts",
]
