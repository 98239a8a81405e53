"""What Python takes for the values that a reader builds, in bytes: upper estimates, for a 64-bit machine.

The reader adds them up and refuses what goes beyond `RATE` times the bytes that it has read, and `ALLOWANCE`.

Layer: `variant`. Source: CPython's allocations, which `tests/property/test_variant_properties.py` compares with them.
"""

from __future__ import annotations

__all__ = [
    "ALLOWANCE",
    "ASCII",
    "DICT",
    "FIRST_KEY",
    "FIRST_TEXT_KEY",
    "FRAME",
    "HANDLE",
    "KEY",
    "LIST",
    "NUMBER",
    "PACKED",
    "RATE",
    "SEALED",
    "SEALED_BYTE",
    "SLOT",
    "TEXT",
    "TUPLE",
]

RATE = 16
"""Bytes of memory for a byte that was read."""

ALLOWANCE = 52 * 1024
"""What may be taken beyond it. The rest of 64 KiB is for the reader itself and what it lets go of again."""

SLOT = 9
"""A value's place in a list, which grows by an eighth at a time."""

NUMBER = 36
"""An int or a float."""

ASCII, TEXT = 56, 82
"""A text without its characters: each of those takes 1 byte in the first kind, up to 4 in the other."""

TUPLE = 64
"""A tuple without its places."""

HANDLE = 100
"""A small object: an id, a signal, a path, a container's type."""

LIST, DICT = 97, 64
"""Empty ones."""

PACKED = 104
"""A packed array without its items."""

FRAME = 80
"""A container under way."""

FIRST_TEXT_KEY, FIRST_KEY, KEY = 102, 150, 72
"""What the first pair and each further one adds to a dict."""

SEALED, SEALED_BYTE = 76, 2
"""A key that Python would take for another one, and what it is compared by, for each byte that was read for it. Less
than an object of 48 and bytes of 33, because the key and the value were given a `SLOT`, which a dict has no use for."""
