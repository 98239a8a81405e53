"""Writes the output of `gdpeer connect`: messages to standard output, everything else to standard error.

In a pipe, text messages are written byte for byte, one on each line. On a terminal messages are coloured and marked,
and control characters are escaped, so that a server cannot steer the terminal.

Layer: `cli`.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from gdpeer.quoting import escape

__all__ = ["Screen", "describe_binary", "visible"]

SHOWN = 32
"""The most bytes of a binary message in its hex dump."""


class Screen:
    """Writes to both streams, in colours if the stream is a terminal."""

    def __init__(self) -> None:
        # sys.stdout is None if standard output was closed before the program began (`gdpeer connect ... >&-`).
        self.is_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._out = Console()
        self._err = Console(stderr=True)

    def text(self, packet: bytes) -> None:
        """Writes a text message, unchanged in a pipe."""
        if self.is_terminal:
            self._coloured(visible(packet.decode()), "green")
        else:
            self._plain(packet)

    def binary(self, packet: bytes) -> None:
        """Writes the size and the first bytes of a binary message."""
        self.decoded(describe_binary(packet))

    def decoded(self, line: str) -> None:
        """Writes a decoded packet of Godot's multiplayer."""
        if self.is_terminal:
            self._coloured(visible(line), "cyan")
        else:
            self._plain(visible(line).encode(errors="backslashreplace"))

    def status(self, line: str, style: str = "dim") -> None:
        """Writes a line about the connection to standard error."""
        self._err.print(Text(escape(line, 0, "\n\t"), style), soft_wrap=True)

    def _coloured(self, text: str, colour: str) -> None:
        self._out.print(Text("< ", f"bold {colour}"), Text(text, colour), sep="", soft_wrap=True)

    def _plain(self, line: bytes) -> None:
        if sys.stdout is not None:
            # Past the text layer, so that no line end is translated, and at once: the reader of a pipe waits for it.
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()


def describe_binary(packet: bytes) -> str:
    """Returns `<5 bytes> 68 65 6c 6c 6f`; a long message ends in three dots."""
    unit = "byte" if len(packet) == 1 else "bytes"
    dump = packet[:SHOWN].hex(" ")
    return f"<{len(packet)} {unit}> {dump}{' ...' if len(packet) > SHOWN else ''}".rstrip()


def visible(text: str) -> str:
    """Returns a text with control characters escaped, except line ends and tabs."""
    return escape(text, most=0, keep="\t\n")
