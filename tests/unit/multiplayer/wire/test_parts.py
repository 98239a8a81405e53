"""The pieces that packets of both engines are made of."""

from __future__ import annotations

import pytest

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.parts import text_at, zero_after


@pytest.mark.parametrize(
    ("data", "offset", "text"),
    [
        (b"abc\0def\0", 0, "abc"),
        (b"abc\0def\0", 1, "bc"),
        (b"abc\0def\0", 3, ""),
        (b"abc\0def\0", 4, "def"),
        (b"abc\0def", 4, "def"),
        (b"abc", 0, "abc"),
        (b"\0", 0, ""),
        (b"", 0, ""),
        (b"abc", 3, ""),
        ("xä日\0".encode(), 1, "ä日"),
    ],
)
def test_a_text_ends_with_a_zero_or_with_the_packet(data: bytes, offset: int, text: str) -> None:
    assert text_at(data, offset) == text


@pytest.mark.parametrize(("data", "offset", "place"), [(b"ab\xff\0", 0, 2), (b"ab\xff\0", 1, 2), (b"\xe6\x97", 0, 0)])
def test_a_text_that_is_not_utf_8(data: bytes, offset: int, place: int) -> None:
    with pytest.raises(PacketError, match="not UTF-8") as caught:
        text_at(data, offset)
    assert caught.value.offset == place


def test_where_a_name_ends() -> None:
    assert zero_after(b"\0ab\0", 0, 4) == 0
    assert zero_after(b"\0ab\0", 1, 4) == 3
    for data, offset, end in ((b"\0ab\0", 1, 3), (b"ab", 0, 2), (b"", 0, 0), (b"ab\0", 0, 2)):
        with pytest.raises(PacketError, match="a name without an end") as caught:
            zero_after(data, offset, end)
        assert caught.value.offset == offset
