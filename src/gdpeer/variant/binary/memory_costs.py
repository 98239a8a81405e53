"""Upper estimates of the memory that Python takes for decoded values, in bytes, on a 64-bit machine.

The reader adds them up. It refuses values that need more than `RATE` times the bytes that it has read, plus
`ALLOWANCE`.

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
"""Bytes of memory that each byte read may take."""

ALLOWANCE = 52 * 1024
"""Bytes that may be taken beyond that. The rest of 64 KiB is for the reader itself and its temporary objects."""

SLOT = 9
"""A value's place in a list, which grows by an eighth at a time."""

NUMBER = 36
"""An int or a float."""

ASCII, TEXT = 56, 82
"""A text without its characters: a character takes 1 byte in an ASCII text, up to 4 in another."""

TUPLE = 64
"""A tuple without its places."""

HANDLE = 100
"""A small object: an id, a signal, a path, a container's type."""

LIST, DICT = 97, 64
"""An empty list, and an empty dict."""

PACKED = 104
"""A packed array without its items."""

FRAME = 80
"""A container that is being read."""

FIRST_TEXT_KEY, FIRST_KEY, KEY = 102, 150, 72
"""Memory that the first pair (with a text as key, or another key) and each further pair add to a dict."""

SEALED, SEALED_BYTE = 76, 2
"""A sealed key (see `containers`), and its token for each byte read. Less than an object of 48 bytes and bytes of 33:
key and value were counted with a `SLOT` each, which a dict does not need."""
