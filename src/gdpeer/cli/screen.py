"""What `gdpeer connect` writes: messages on standard output, everything else on standard error.

In a pipe messages come out byte for byte, one a line. On a terminal they are coloured and marked, and control
characters are shown instead of obeyed: a server must not be able to steer the terminal.

Layer: `cli`.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from gdpeer.quoting import escape

__all__ = ["Screen", "describe_binary", "visible"]

SHOWN = 32
"""Bytes of a binary message in its hex dump."""


class Screen:
    """The two streams, each plain unless it is a terminal."""

    def __init__(self) -> None:
        # None where standard output was closed before the program began (`gdpeer connect ... >&-`).
        self.is_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._out = Console()
        self._err = Console(stderr=True)

    def text(self, packet: bytes) -> None:
        """A text message, verbatim."""
        if self.is_terminal:
            self._out.print(Text("< ", "bold green"), Text(visible(packet.decode()), "green"), sep="", soft_wrap=True)
        else:
            self._plain(packet)

    def binary(self, packet: bytes) -> None:
        """A binary message: its size and its first bytes."""
        if self.is_terminal:
            self._out.print(Text("< ", "bold cyan"), Text(describe_binary(packet), "cyan"), sep="", soft_wrap=True)
        else:
            self._plain(describe_binary(packet).encode())

    def decoded(self, line: str) -> None:
        """A packet of Godot's, in words."""
        if self.is_terminal:
            self._out.print(Text("< ", "bold cyan"), Text(visible(line), "cyan"), sep="", soft_wrap=True)
        else:
            self._plain(visible(line).encode(errors="backslashreplace"))

    def status(self, line: str, style: str = "dim") -> None:
        """What happened to the connection."""
        self._err.print(Text(escape(line, 0, "\n\t"), style), soft_wrap=True)

    def _plain(self, line: bytes) -> None:
        if sys.stdout is not None:
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()


def describe_binary(packet: bytes) -> str:
    """`<5 bytes> 68 65 6c 6c 6f`, cut with three dots after the first bytes."""
    unit = "byte" if len(packet) == 1 else "bytes"
    dump = packet[:SHOWN].hex(" ")
    return f"<{len(packet)} {unit}> {dump}{' ...' if len(packet) > SHOWN else ''}".rstrip()


def visible(text: str) -> str:
    """`text` with control characters written out, line ends and tabs excepted."""
    return escape(text, most=0, keep="\t\n")
