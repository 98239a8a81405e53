"""The text of a method for messages.

Layer: `contract`; pure.
"""

from __future__ import annotations

from gdpeer.contract.model import Argument, Method

__all__ = ["signature"]


def signature(method: Method) -> str:
    """Returns a method with its arguments, in GDScript's form: `move(to: Vector2, fast: bool = false)`."""
    return f"{method.name}({', '.join(_argument(one) for one in method.arguments)})"


def _argument(argument: Argument) -> str:
    kind = argument.enumeration.rpartition("::")[2] or argument.type
    text = ("..." if argument.rest else "") + argument.name + (f": {kind}" if kind else "")
    return text if argument.default is None else f"{text} = {argument.default}"
