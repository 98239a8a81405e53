"""Reads the methods that the sides of a game can call on each other, from a Godot project or a Python program.

    from gdpeer.contract import read

    for table in read("game/").tables:
        print(table.id, table.names, table.checksum)

Layer: `contract`, above `multiplayer`; pure, except for `project` and `sources`, which read files.
"""

from gdpeer.contract.compare import compare
from gdpeer.contract.difference import CODES, Difference
from gdpeer.contract.explain import Answer, Explanation, explain
from gdpeer.contract.model import (
    BY_CODE,
    Argument,
    Contract,
    Enumeration,
    Method,
    Place,
    Problem,
    Property,
    Table,
    Variable,
    checksum_of,
)
from gdpeer.contract.project import read_project, read_scripts
from gdpeer.contract.saving import contract_from_json, contract_to_json
from gdpeer.contract.sources import file_on_disk, read

__all__ = [
    "BY_CODE",
    "CODES",
    "Answer",
    "Argument",
    "Contract",
    "Difference",
    "Enumeration",
    "Explanation",
    "Method",
    "Place",
    "Problem",
    "Property",
    "Table",
    "Variable",
    "checksum_of",
    "compare",
    "contract_from_json",
    "contract_to_json",
    "explain",
    "file_on_disk",
    "read",
    "read_project",
    "read_scripts",
]
