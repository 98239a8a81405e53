"""Bodies in pieces: from memory, a file, an iterator; in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.http import File, Response
from gdpeer.http.bodies import Body, Source, chunked, open_body
from gdpeer.http.outgoing import MOST_HELD, MOST_IN_PIECES, Outgoing, Sending, TooMuchHeld


def pieces(source: Source, most: int = 4) -> list[bytes]:
    found = []
    while piece := source.next_piece(most):
        assert len(piece) <= most
        found.append(bytes(piece))
    assert not source.next_piece(most)
    source.close()
    return found


@pytest.mark.parametrize("body", [b"abcdefghij", bytearray(b"abcdefghij"), memoryview(b"abcdefghij"), "abcdefghij"])
def test_bytes_and_text_are_cut(body: Body) -> None:
    source = open_body(body)
    assert source.length == 10
    assert pieces(source) == [b"abcd", b"efgh", b"ij"]


def test_text_is_utf_8() -> None:
    assert pieces(open_body("aß")) == ["aß".encode()]


def test_a_file_is_read_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abcdefghij")
    file = File(tmp_path / "x")
    assert len(file) == file.size == 10
    assert repr(file) == f"File({str(tmp_path / 'x')!r})"
    assert pieces(open_body(file)) == [b"abcd", b"efgh", b"ij"]
    with pytest.raises(FileNotFoundError):
        File(tmp_path / "y")


def test_a_file_that_grows_keeps_its_length_and_one_that_shrinks_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abcdefghij")
    file = File(path)
    path.write_bytes(b"abcdefghijkl")
    assert b"".join(pieces(open_body(file))) == b"abcdefghij"
    path.write_bytes(b"abcde")
    source = open_body(file)
    assert source.next_piece(8) == b"abcde"
    with pytest.raises(OSError, match="5 bytes are missing"):
        source.next_piece(8)
    source.close()


def test_an_iterable_is_asked_when_it_is_needed_and_closed_at_the_end() -> None:
    told = []

    def letters() -> Iterator[bytes]:
        try:
            for letter in (b"", b"abcdef", b"", b"g", b""):
                told.append(letter)
                yield letter
        finally:
            told.append(b"closed")

    source = open_body(letters())
    assert source.length is None
    assert told == []
    assert source.next_piece(4) == b"abcd"
    assert told == [b"", b"abcdef"]
    source.close()
    assert told[-1] == b"closed"
    assert pieces(open_body([b"abcdef", b"g"])) == [b"abcd", b"ef", b"g"]


def test_an_iterator_that_fails_at_its_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def letters() -> Iterator[bytes]:
        try:
            yield b"a"
        finally:
            raise RuntimeError("game code")

    source = open_body(letters())
    source.next_piece(1)
    source.close()
    assert "game code" in caplog.text


def test_chunks_have_an_end() -> None:
    assert pieces(chunked(open_body([b"ab", b"c"])), 999) == [b"2\r\nab\r\n", b"1\r\nc\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize("body", [5, None, [1]])
def test_what_is_no_body_is_a_type_error(body: Body) -> None:
    with pytest.raises(TypeError):
        open_body(body).next_piece(1)


def test_a_response_begins_with_its_head(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    response = Response(200, File(tmp_path / "x"), "text/plain")
    head, source = response.begin()
    assert b"\r\nContent-Length: 3\r\n" in head
    assert source is not None
    assert pieces(source) == [b"abc"]
    assert response.begin(head_only=True) == (head, None)
    assert response.read() == b"abc"
    assert response.to_bytes() == head + b"abc"
    assert response.to_bytes(head_only=True) == head


def test_a_response_of_unknown_length_has_chunks_or_ends_the_connection() -> None:
    head, source = Response(200, [b"abc"]).begin()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head
    assert source is not None
    assert pieces(source, 99) == [b"3\r\nabc\r\n", b"0\r\n\r\n"]
    head, source = Response(200, [b"abc"]).begin("1.0")
    assert b"Transfer-Encoding" not in head
    assert b"Content-Length" not in head
    assert source is not None
    assert pieces(source) == [b"abc"]


def test_a_response_that_http_cannot_carry_closes_its_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(ValueError, match="HTTP cannot carry"):
        Response(200, File(tmp_path / "x"), headers=(("X", "a\nb"),)).begin()


# ---------------------------------------------------------------------------------------------- what is held


def send(outgoing: Outgoing, body: Body) -> Sending:
    return Sending(outgoing, body, open_body(body))


def test_a_body_in_memory_is_counted_once_however_many_send_it() -> None:
    outgoing, body = Outgoing(), bytes(1_000_000)
    everybody = [send(outgoing, body) for _ in range(30)]
    assert outgoing.held == 1_000_000
    for one in everybody:
        one.close()
        one.close()
        assert one.next_piece() == b""
    assert outgoing.held == outgoing.in_pieces == 0


def test_other_bodies_find_no_room_but_there_is_always_one() -> None:
    outgoing = Outgoing()
    large = send(outgoing, bytes(MOST_HELD + 1))
    with pytest.raises(TooMuchHeld) as caught:
        send(outgoing, bytes(1))
    assert caught.value.status == 503
    assert dict(caught.value.headers) == {"Retry-After": "5"}
    send(outgoing, [b"an iterator has its own"]).close()
    large.close()
    others = [send(outgoing, bytes(MOST_HELD - 2)), send(outgoing, bytes(2))]
    with pytest.raises(TooMuchHeld):
        send(outgoing, bytes(3))
    others.pop().close()
    send(outgoing, b"ab")


def test_pieces_of_all_stay_within_their_limit() -> None:
    outgoing, body = Outgoing(), bytes(1_000_000)
    everybody = [send(outgoing, body) for _ in range(300)]
    total = sum(len(one.next_piece()) for one in everybody)
    assert total == outgoing.in_pieces <= MOST_IN_PIECES + 300 * 4096
    assert len(everybody[0].next_piece()) == 4096
    for one in everybody:
        one.close()
    assert outgoing.in_pieces == 0
    assert outgoing.piece_size() == 65_536
