"""The stand-in for the `cython` module, which runs where Cython is not installed."""

from __future__ import annotations

import pytest

from gdpeer import _cython


def test_the_stand_in_is_not_compiled_and_has_nothing_else() -> None:
    assert _cython.compiled is False
    with pytest.raises(AttributeError, match=r"cython\.cast exists in compiled code only"):
        _ = _cython.cast
