"""Names that gdpeer's own classes use inside: a game's subclass that takes one would break them in silence.

Layer: `multiplayer`; imports nothing.
"""

from __future__ import annotations

__all__ = ["refuse_names_in_use"]


def refuse_names_in_use(kind: type) -> None:
    """Check a new subclass of one of gdpeer's classes.

    Raises:
        TypeError: a member of it has a private name of gdpeer's.
    """
    ours = [base for base in kind.__mro__ if base.__module__.startswith("gdpeer.")]
    if kind in ours:
        return
    used = {name for base in ours for name in vars(base) if name.startswith("_") and not name.startswith("__")}
    for name in vars(kind):
        if name in used:
            raise TypeError(
                f"{kind.__qualname__}.{name}: gdpeer's {ours[0].__name__} uses this name itself; take another"
            )
