r"""The bodies of responses: from memory, from a file, or from an iterator, in pieces.

    Response(200, File("world.pck"), "application/octet-stream")
    Response(200, (f"{line}\n".encode() for line in lines), "text/csv")

A server takes the next piece once the piece before was sent. So a client that reads slowly costs the memory of one
piece, however large the body is.

Layer: `http`. Source: RFC 9112 section 7.1 (chunked).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from gdpeer.arguments import PATH, checked
from gdpeer.logs import get_logger, report

logger = get_logger("gdpeer.websocket")

__all__ = ["PIECE", "Body", "File", "Source", "chunked", "open_body"]

PIECE = 65_536
"""Most bytes of one piece."""

Buffer = bytes | memoryview


class File:
    """A body that is read from a file while it is sent.

    Args:
        path: of the file.

    Attributes:
        path: as given.
        size: bytes that are sent: the file's size when this object was made.

    Raises:
        OSError: the file does not exist.
    """

    __slots__ = ("path", "size")

    @checked(path=PATH)
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.size = os.stat(path).st_size

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"File({self.path!r})"


Body: TypeAlias = "bytes | bytearray | memoryview | str | File | Iterable[bytes]"
"""The types of a response's body. Text is sent as UTF-8. An iterable gives its bytes while the response is sent; its
length is unknown."""


class Source:
    """The bytes of a body, in pieces.

    Attributes:
        length: of the whole body in bytes; None: unknown.
    """

    __slots__ = ("length",)

    def __init__(self, length: int | None) -> None:
        self.length = length

    def next_piece(self, most: int) -> Buffer:
        """Returns at most `most` bytes; empty at the end. An exception ends the response."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the file or the iterator that the bytes come from."""


class _BytesSource(Source):
    __slots__ = ("_at", "_view")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(data).cast("B")
        self._at = 0
        super().__init__(len(self._view))

    def next_piece(self, most: int) -> Buffer:
        begin = self._at
        self._at += most
        return self._view[begin : begin + most]


class _FileSource(Source):
    __slots__ = ("_file", "_left")

    def __init__(self, file: File) -> None:
        self._file = open(file.path, "rb", buffering=0)  # noqa: SIM115 (closed by close)
        self._left = file.size
        super().__init__(file.size)

    def next_piece(self, most: int) -> Buffer:
        piece = self._file.read(min(most, self._left)) or b""
        if not piece and self._left:
            # The head has announced the length: a short body would look like a broken connection to the client.
            raise OSError(f"{self._left} bytes are missing at the end of {self._file.name}: it became shorter")
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()


class _IteratorSource(Source):
    __slots__ = ("_all", "_rest")

    def __init__(self, found: Iterable[bytes]) -> None:
        self._all: Iterator[bytes] = iter(found)
        self._rest = memoryview(b"")
        super().__init__(None)

    def next_piece(self, most: int) -> Buffer:
        if not self._rest:
            # Skip empty items: an empty piece means the end of the body.
            self._rest = memoryview(next((piece for piece in self._all if len(piece)), b"")).cast("B")
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    def close(self) -> None:
        self._rest = memoryview(b"")
        # Close a generator, so that its `finally` runs now and not at the next garbage collection.
        end = getattr(self._all, "close", None)
        if end is not None:
            try:
                end()
            except Exception:  # game code
                report(logger, "the iterator of a page failed at its end")


class _ChunkedSource(Source):
    __slots__ = ("_inner", "_is_over")

    def __init__(self, inner: Source) -> None:
        self._inner = inner
        self._is_over = False
        super().__init__(None)

    def next_piece(self, most: int) -> Buffer:
        if self._is_over:
            return b""
        piece = self._inner.next_piece(most)
        self._is_over = not len(piece)
        # The empty piece becomes the chunk of size 0, which ends a chunked body.
        return b"%x\r\n%b\r\n" % (len(piece), bytes(piece))

    def close(self) -> None:
        self._inner.close()


def open_body(body: Body) -> Source:
    """Returns the source of a body's bytes; OSError for a file that cannot be read, TypeError for no body."""
    if isinstance(body, str):
        return _BytesSource(body.encode())
    if isinstance(body, bytes | bytearray | memoryview):
        return _BytesSource(body)
    if isinstance(body, File):
        return _FileSource(body)
    return _IteratorSource(body)


def chunked(source: Source) -> Source:
    """Returns a source of the same bytes in chunks, so that a client finds the end of a body of unknown length."""
    return _ChunkedSource(source)
