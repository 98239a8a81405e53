"""Room codes: short names that a person can read out and type.

    code = draw_code(hall.rooms)    "K7Q2M3"
    find_code("k7q2m3")             "K7Q2M3"

A code has 6 characters of the 32 digits and letters without I, L, O and U: 30 bits. A code is no secret: whoever knows
the code of a room may ask for a place, and the limit of wrong codes for each address (`gdpeer.rooms.guessing`) keeps
strangers from finding codes by trying.

Layer: `rooms`; pure but for the random numbers of the system. Source: the alphabet of Crockford's base 32.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Container

__all__ = ["ALPHABET", "LENGTH", "draw_code", "find_code", "is_code"]

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The characters of a code. I, L and O look like digits; without U fewer words come up by chance."""

LENGTH = 6
"""Characters of a code."""

_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_LOOK_ALIKES = str.maketrans("ILO", "110")


def is_code(text: str) -> bool:
    """Whether a text is a code as this module writes it: 6 characters of `ALPHABET`, in upper case."""
    return _CODE.fullmatch(text) is not None


def find_code(text: str) -> str:
    """Returns the code that a person meant; "" if the text cannot be a code.

    Lower case counts as upper case. I and L are read as 1, and O as 0, so a code that was copied by hand still leads to
    its room.
    """
    # Compare the length first: a long text must not be copied, and `upper` can make several characters of one.
    if len(text) != LENGTH or not text.isascii():
        return ""
    code = text.upper().translate(_LOOK_ALIKES)
    return code if is_code(code) else ""


def draw_code(taken: Container[str] = ()) -> str:
    """Draws a random code that is not in `taken`.

    Nobody can foresee the next code, even with all codes before it. With 10,000 rooms, one draw in 100,000 is repeated.
    """
    while True:
        number = secrets.randbits(5 * LENGTH)
        code = "".join(ALPHABET[number >> 5 * place & 31] for place in range(LENGTH))
        if code not in taken:
            return code
