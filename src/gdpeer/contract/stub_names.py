"""Names for the classes, enumerations and arguments that stubs define.

Layer: `contract`; pure.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from gdpeer.contract.model import Enumeration, Table

__all__ = [
    "argument_names",
    "attribute_name",
    "class_names",
    "enumeration_names",
    "free_name",
    "is_python_name",
    "member_names",
    "scene_name",
    "snake_case",
]


def class_names(tables: Sequence[Table], reserved: Collection[str] = ()) -> dict[str, str]:
    """Returns a name for each class, by the id of its table.

    A class without a `class_name` is called as its file, in PascalCase. Classes of one name get the names of their
    folders in front.

    Args:
        tables: of all classes.
        reserved: names that no class may have.
    """
    longest = {table.id: _longest(table) for table in tables}
    count = {table.id: 1 + ("::" in table.id) for table in tables}

    def name(table: Table) -> str:
        return table.class_name if _is_named(table) else "".join(longest[table.id][-count[table.id] :])

    # Each round gives the classes that share a name one more folder, as far as they have one.
    for _ in range(max(map(len, longest.values()), default=0)):
        taken = Counter(name(table) for table in tables)
        taken.update(reserved)
        for table in tables:
            if taken[name(table)] > 1 or name(table) in reserved:
                count[table.id] += 1
    found: dict[str, str] = {}
    for table in sorted(tables, key=lambda table: (not _is_named(table), table.id)):
        found[table.id] = free_name(_identifier(name(table)), (*reserved, *found.values()))
    return found


def _is_named(table: Table) -> bool:
    return bool(table.class_name) and "::" not in table.id


def _longest(table: Table) -> list[str]:
    """Returns the parts of a class's longest name: folders, file, and the names of inner classes."""
    path, *inner = table.id.removeprefix("res://").split("::")
    folders = path.rpartition(".")[0] if "/" in path or path.endswith((".gd", ".cs", ".tscn")) else path
    return [_pascal(part) for part in (*re.split(r"[/.]", folders), *inner)]


def _pascal(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", text))


def scene_name(path: str) -> str:
    """Returns the name of a scene in PascalCase: `Player` for `res://player.tscn`."""
    return _identifier(_pascal(path.rpartition("/")[2].rpartition(".")[0]))


def attribute_name(path: str) -> str:
    """Returns the name of the attribute for a property: `position` for `.:position`, `label_text` for `Label:text`."""
    node, _, names = path.partition(":")
    words = [*(part for part in re.split(r"[\W_]+", snake_case(node)) if part), *names.split(":")]
    return re.sub(r"\W", "_", unicodedata.normalize("NFKC", "_".join(words)))


def snake_case(name: str) -> str:
    """Returns a name in snake_case: `main_menu` for `MainMenu`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _identifier(text: str) -> str:
    """Returns a text as Python reads it as a name."""
    text = unicodedata.normalize("NFKC", re.sub(r"\W", "_", text))
    return text if text.isidentifier() else f"Script{text}"


def free_name(name: str, taken: Collection[str]) -> str:
    """Returns a name that is not taken: the name itself, or with the next number behind it."""
    number, found = 2, name
    while found in taken or keyword.iskeyword(found):
        found = f"{name}{number}"
        number += 1
    return found


def is_python_name(name: str) -> bool:
    """Tells whether a class of Python can define a method by `def` and this name, unchanged."""
    is_mangled = name.startswith("__") and not name.endswith("__")
    is_changed = unicodedata.normalize("NFKC", name) != name
    return name.isidentifier() and not (keyword.iskeyword(name) or is_mangled or is_changed)


def enumeration_names(
    enumerations: Iterable[Enumeration], owners: dict[str, str], reserved: Collection[str]
) -> dict[str, str]:
    """Returns a name for each enumeration, by its id; two of one name get the name of their class in front.

    Args:
        enumerations: all.
        owners: the names of the classes, by id.
        reserved: names that no enumeration may have.
    """
    found: dict[str, str] = {}
    ordered = sorted(enumerations, key=lambda one: one.id)
    shared = Counter(_identifier(one.name) for one in ordered)
    for one in ordered:
        name, owner = _identifier(one.name), one.id.rpartition("::")[0]
        if shared[name] > 1 or name in reserved:
            name = f"{owners.get(owner, '') or ''.join(_longest(Table(owner, '', ()))[-1:])}{name}"
        found[one.id] = free_name(name, (*reserved, *found.values()))
    return found


def member_names(enumeration: Enumeration) -> dict[str, int]:
    """Returns the members of an enumeration, by names that a Python enumeration takes."""
    found: dict[str, int] = {}
    for name, value in enumeration.members:
        plain = unicodedata.normalize("NFKC", name)
        # Python keeps names with underscores at both ends, and `mro`, for itself.
        if keyword.iskeyword(plain) or plain == "mro":
            plain += "_"
        elif plain.startswith("_"):
            plain = f"m{plain}"
        found[free_name(plain, found)] = value
    return found


def argument_names(names: Iterable[str], is_refused: Callable[[str], bool]) -> list[str]:
    """Returns names for the arguments of a method: those that the language refuses get an underscore behind."""
    found: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKC", name)
        while is_refused(plain) or plain in found:
            plain += "_"
        found.append(plain)
    return found
