"""The errors for values that cannot be encoded.

Layer: `variant`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.containers import ContainerType

__all__ = ["NOT_ENCODABLE", "changed", "fitted_items", "not_encodable", "zero_character"]

NOT_ENCODABLE = (OverflowError, RuntimeError, UnicodeEncodeError)
"""Exceptions that leave `Writer.value`: catching them there would cost time for each value. Callers convert them by
`not_encodable`. A dict that changes during iteration raises RuntimeError."""


def not_encodable(error: Exception) -> VariantError:
    """Converts an exception of `NOT_ENCODABLE`."""
    if isinstance(error, RuntimeError):
        return VariantError(f"a value changed while it was encoded: {error}")
    if isinstance(error, OverflowError):
        return VariantError("a number does not fit the engine's int of 64 bits; send it as a String or a float")
    return VariantError("a text holds half a surrogate pair, which is no character")


def changed(container: Any) -> VariantError:
    """Returns the error for a container that changed its size after its count was written."""
    return VariantError(f"a {type(container).__name__} changed while it was encoded")


def zero_character() -> VariantError:
    """Returns the error for a text with a zero character, where the engine would cut it off."""
    return VariantError("a text holds a zero character, where the engine's strings end")


def fitted_items(items: Iterator[Any], first: ContainerType, second: ContainerType) -> Iterator[Any]:
    """Yields the items, converted in turn to the types `first` and `second`.

    Raises:
        VariantError: an item has another type; the container was changed after it was built.
    """
    wanted, other = first, second
    for item in items:
        try:
            fitting = wanted.fitted(item)
        except TypeError as error:
            raise VariantError(f"a typed container holds a {error}") from None
        yield fitting
        wanted, other = other, wanted
