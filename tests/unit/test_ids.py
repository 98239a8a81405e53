"""The ids of peers."""

from __future__ import annotations

import pytest

from gdpeer import ids


def test_an_id_is_never_zero_nor_the_server_s(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([bytes(4), b"\0\0\0\1", b"\0\0\0\3", b"\0\0\0\4", b"\xff\xff\xff\xff"])
    monkeypatch.setattr("os.urandom", lambda size: next(drawn))
    assert [ids.generate_unique_id() for _ in range(2)] == [2, 2**31 - 1]
