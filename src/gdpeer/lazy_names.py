"""Names of a package that are imported from its modules when a program asks for them.

    if not TYPE_CHECKING:
        __all__, __getattr__, __dir__ = lazy_names(__name__, {"clock": "Clock ManualClock"})

Layer: below all others. Source: PEP 562.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]:
    """Returns `__all__`, `__getattr__` and `__dir__` for a package.

    Args:
        package: its name.
        modules: the modules below `gdpeer`, each with those of its names that the package offers, divided by spaces.
            "" stands for modules that are offered themselves.
    """
    names = vars(sys.modules[package])
    homes = {name: f"gdpeer.{module}" for module, listed in modules.items() for name in listed.split()}

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if homes[name] == "gdpeer.":
            return import_module(f"gdpeer.{name}")  # which sets the attribute
        found: object = getattr(import_module(homes[name]), name)
        names[name] = found
        return found

    return list(homes), get, lambda: sorted({*names, *homes})
