"""What keeps a value from being encoded, as the error that says so.

Layer: `variant`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.containers import ContainerType

__all__ = ["NOT_ENCODABLE", "changed", "fitted_items", "not_encodable", "zero_character"]

NOT_ENCODABLE = (OverflowError, RuntimeError, UnicodeEncodeError)
"""What `Writer.value` lets through, as it is costly to catch for each value; a dict that changes is a RuntimeError."""


def not_encodable(error: Exception) -> VariantError:
    """What to raise instead of one of `NOT_ENCODABLE`."""
    if isinstance(error, RuntimeError):
        return VariantError(f"a value changed while it was encoded: {error}")
    if isinstance(error, OverflowError):
        return VariantError("a number does not fit the engine's int of 64 bits; send it as a String or a float")
    return VariantError("a text holds half a surrogate pair, which is no character")


def changed(container: Any) -> VariantError:
    """What to raise where a container holds another number of values than its head says."""
    return VariantError(f"a {type(container).__name__} changed while it was encoded")


def zero_character() -> VariantError:
    """What to raise for a text that the engine would cut off."""
    return VariantError("a text holds a zero character, where the engine's strings end")


def fitted_items(items: Iterator[Any], first: ContainerType, second: ContainerType) -> Iterator[Any]:
    """`items`, of which every other one has to be of the type `first` or `second`, and was when it was put there.

    Raises:
        VariantError: one is not any more.
    """
    wanted, other = first, second
    for item in items:
        try:
            fitting = wanted.fitted(item)
        except TypeError as error:
            raise VariantError(f"a typed container holds a {error}") from None
        yield fitting
        wanted, other = other, wanted
