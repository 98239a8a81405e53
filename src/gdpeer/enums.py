"""`NamedInt`: the engine's numbers, printed with their names.

    print(Error.ERR_UNCONFIGURED)    ERR_UNCONFIGURED (3)
    Error.ERR_UNCONFIGURED == 3      True

Layer: with `errors` the lowest; pure.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["NamedInt"]

_NUMERIC = frozenset("bcdoxXneEfFgG%")


class NamedInt(IntEnum):
    """An `IntEnum` whose members print as `NAME (number)`.

    `f"{error}"` and `f"{error:>30}"` show the text. `f"{error:d}"` shows the number, as does every format of numbers.
    """

    def __str__(self) -> str:
        return f"{self.name} ({self.value})"

    def __format__(self, format_spec: str) -> str:
        if format_spec and format_spec[-1] in _NUMERIC:
            return format(self.value, format_spec)
        return format(str(self), format_spec)
