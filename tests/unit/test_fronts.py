"""The fronts that wait hold no frame, handshake or close logic: they import none of it, and stay small."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

import gdpeer

SOURCE = Path(gdpeer.__file__).parent
FRONTS = [name for name in ("aio", "blocking") if len(list((SOURCE / name).glob("*.py"))) > 1]
MOST = 730
MOST_OF_A_MODULE = 200
"""Lines of code of a front, without docstrings, comments and blank lines."""

BELOW = ("gdpeer.protocol", "gdpeer.transport")
MACHINERY = {"h11", "hashlib", "hmac", "select", "selectors", "socket", "socketserver", "ssl", "struct", "zlib"}


def for_types_only(tree: ast.Module) -> set[ast.AST]:
    """All that stands below `if TYPE_CHECKING:`."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def imported(tree: ast.Module) -> list[str]:
    """The modules, and names of modules, that are imported while it runs."""
    found = []
    for node in set(ast.walk(tree)) - for_types_only(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def lines_of_code(source: str) -> int:
    documentation = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    code = {
        number
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in silent
        for number in range(token.start[0], token.end[0] + 1)
    }
    return len(code - documentation)


@pytest.mark.parametrize("front", FRONTS)
def test_a_front_imports_nothing_of_the_protocol_the_transport_or_the_systems_network(front: str) -> None:
    found = {path.name: imported(ast.parse(path.read_text())) for path in (SOURCE / front).glob("*.py")}
    assert all(found.values()), found
    wrong = {
        f"{module}: {name}"
        for module, names in found.items()
        for name in names
        if name.startswith(BELOW) or name.split(".")[0] in MACHINERY
    }
    assert wrong == set()


@pytest.mark.parametrize("front", FRONTS)
def test_a_front_stays_small(front: str) -> None:
    sizes = {path.name: lines_of_code(path.read_text()) for path in (SOURCE / front).glob("*.py")}
    assert max(sizes.values()) <= MOST_OF_A_MODULE, sizes
    assert sum(sizes.values()) <= MOST, sizes
