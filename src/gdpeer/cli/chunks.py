"""Reads standard input as binary messages, for `gdpeer connect --binary`.

Layer: `cli`.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

from gdpeer.terminal.lines import ReadAhead

__all__ = ["Chunks"]

READ_AHEAD = 4 * 1024 * 1024
"""The most bytes that are read ahead, unless one message is larger."""


class Chunks(ReadAhead[bytes]):
    """Cuts a stream into messages of one size; the last message may be shorter.

    Args:
        size: bytes of each message; 0 reads the whole stream as one message.
        most: bytes that one message may have.
        source: the stream; standard input by default.

    Attributes:
        problem: why reading ended early; "" if it did not.
    """

    def __init__(self, size: int, most: int, source: BinaryIO | None = None) -> None:
        super().__init__(max(1, READ_AHEAD // (size or READ_AHEAD)), "chunks")  # at least one message of any size
        self.problem = ""
        self._size = size
        self._most = most
        self._source = source or (None if sys.stdin is None else sys.stdin.buffer)
        self._thread.start()

    def _read(self) -> None:
        try:
            if self._source is not None:
                self._read_from(self._source)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed meanwhile
            self.problem = f"cannot read standard input: {getattr(error, 'strerror', None) or error}"

    def _read_from(self, source: BinaryIO) -> None:
        if self._size == 0:
            data = source.read(self._most + 1)  # one byte more tells a stream that is too long
            if len(data) > self._most:
                self.problem = f"standard input is longer than the largest message, {self._most} bytes"
            else:
                self._queue.put(data)
            return
        while data := source.read(self._size):
            self._queue.put(data)
