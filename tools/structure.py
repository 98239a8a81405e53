"""Prints figures about how readable the sources are: `python -m tools.structure`.

For each package the report lists the files and folders directly in it, by levels of imports; imports for type checkers
do not count. For all of `src` it counts uses of another module's private names, docstrings of at most four words,
comments, and lines.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"
PACKAGE = SOURCES / "gdpeer"
ROOMS = ("websocket", "multiplayer", "variant", "protocol", "transport", "http", "aio", "blocking", "inspection", "cli")
SHORT = 4
"""A docstring of at most this many words most likely repeats a name."""

DOCUMENTED = frozenset({"_asdict", "_exit", "_fields", "_make", "_replace"})
"""Names of Python's own that are public in spite of their underscore: `os._exit`, and those of named tuples."""

FOR_TOOLS = re.compile(r"# (?:noqa|type:|pragma|compiled only|-+|cython:)")


@cache
def modules(folder: Path = PACKAGE) -> list[Path]:
    """Returns the paths of all modules below a folder."""
    return sorted(path for path in folder.rglob("*.py") if PACKAGE / "templates" not in path.parents)


def dotted(path: Path) -> str:
    """Returns a module's name: `gdpeer.websocket.peer`."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


# -- imports ----------------------------------------------------------------------------------------------------------


@cache
def module_names() -> frozenset[str]:
    """Returns the dotted names of all modules."""
    return frozenset(dotted(path) for path in modules())


def imports(path: Path) -> Iterator[str]:
    """Yields the modules of gdpeer that a module imports at run time, also inside functions."""
    names = module_names()
    for node in at_run_time(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in names or node.module in names:
                    yield whole if whole in names else node.module


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields all nodes except those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from at_run_time(node)


def rooms(package: str) -> dict[str, set[str]]:
    """Returns the files and folders directly in a package, each with the others that it imports."""
    prefix = f"gdpeer.{package}."

    def room(name: str) -> str:
        return name.removeprefix(prefix).split(".")[0] if name.startswith(prefix) else ""

    found: dict[str, set[str]] = {}
    for path in modules(PACKAGE / package):
        if own := room(dotted(path)):
            found.setdefault(own, set()).update(room(name) for name in imports(path))
    return {own: used - {own, ""} for own, used in found.items()}


def levels(graph: dict[str, set[str]]) -> list[list[str]]:
    """Returns the files and folders by level, lowest first; those that import each other share a level."""
    left, done, found = dict(graph), set[str](), []
    while left:
        ready = sorted(name for name, used in left.items() if used <= done) or sorted(smallest_circle(left, done))
        found.append(ready)
        done.update(ready)
        for name in ready:
            del left[name]
    return found


def smallest_circle(left: dict[str, set[str]], done: set[str]) -> set[str]:
    """Returns the smallest set of files and folders that import only each other and lower levels."""

    def needed(name: str) -> set[str]:
        reached, waiting = set[str](), [name]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting += left[at] - done
        return reached

    return min((needed(name) for name in left), key=len)


# -- names and words --------------------------------------------------------------------------------------------------


def private_uses(path: Path) -> list[tuple[int, str]]:
    """Returns uses of private names that the module does not define, with their lines."""
    tree = tree_of(path)
    own = set(re.findall(r"\b_[a-z]\w*", "\n".join(definitions(tree))))
    return [
        (node.lineno, ast.unparse(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and re.fullmatch(r"_[a-z]\w*", node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        and node.attr not in own | DOCUMENTED
    ]


def definitions(tree: ast.Module) -> Iterator[str]:
    """Yields the names that a module defines: functions, classes, variables, attributes of self, and slots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            yield from re.findall(r"\w+", ast.unparse(node.value))


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the docstrings of a module, its classes and its functions, with their lines."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def short_docstrings(path: Path) -> list[tuple[int, str]]:
    """Returns the docstrings of at most four words, with their lines."""
    return [(line, text) for line, text in docstrings(path) if len(text.split()) <= SHORT]


def comment_lines(path: Path) -> int:
    """Counts the lines that are a comment or end with one, without headings and comments for tools."""
    with path.open("rb") as source:
        comments = [token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT]
    return sum(not FOR_TOOLS.match(comment) for comment in comments)


# -- the report -------------------------------------------------------------------------------------------------------


def main() -> None:
    for package in ROOMS:
        graph = rooms(package)
        found = levels(graph)
        print(f"{package}: {len(graph)} files and folders, {len(found)} levels")
        for number, names in enumerate(found, 1):
            print(f"  {number:2} {' '.join(names)}")
    private = {path: private_uses(path) for path in modules()}
    print(f"uses of another module's private names: {sum(map(len, private.values()))}")
    for path, uses in private.items():
        if uses:
            print(f"  {path.relative_to(PACKAGE)}: {', '.join(f'{line} {text}' for line, text in uses)}")
    short = {path: short_docstrings(path) for path in modules()}
    print(f"docstrings of at most {SHORT} words: {sum(map(len, short.values()))}")
    lines = sum(len(path.read_text().splitlines()) for path in [*modules(), *PACKAGE.rglob("*.pxd")])
    print(f"lines of src (.py and .pxd): {lines}")
    print(f"comments: {sum(map(comment_lines, modules()))}")


if __name__ == "__main__":
    main()
