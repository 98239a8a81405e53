"""Writes the output of `gdpeer connect`: messages to standard output, everything else to standard error.

In a pipe, text messages are written byte for byte, one on each line. On a terminal messages are coloured and marked,
and control characters are escaped, so that a server cannot steer the terminal.

Layer: `cli`.
"""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

import click

from gdpeer.quoting import escape

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Screen", "describe_binary", "is_terminal", "terminal_console", "visible"]

SHOWN = 32
"""The most bytes of a binary message in its hex dump."""


class Screen:
    """Writes to both streams, in colours if the stream is a terminal."""

    def __init__(self) -> None:
        self.is_terminal = is_terminal(sys.stdout)
        self._is_error_terminal = is_terminal(sys.stderr)

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
        text = escape(line, 0, "\n\t")
        if self._is_error_terminal:
            self._show(self._errors, (text, style))
        else:
            click.echo(text, err=True)

    def _coloured(self, text: str, colour: str) -> None:
        self._show(self._out, ("< ", f"bold {colour}"), (text, colour))

    @cached_property
    def _out(self) -> Console:
        return terminal_console()

    @cached_property
    def _errors(self) -> Console:
        return terminal_console(stderr=True)

    def _show(self, console: Console, *parts: tuple[str, str]) -> None:
        from rich.text import Text

        console.print(Text.assemble(*parts), soft_wrap=True)

    def _plain(self, line: bytes) -> None:
        if sys.stdout is not None:
            # Past the text layer, so that no line end is translated, and at once: the reader of a pipe waits for it.
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Returns whether a stream is a terminal; it is None if it was closed before the program began (`>&-`)."""
    return stream is not None and stream.isatty()


def terminal_console(stderr: bool = False) -> Console:
    """Returns a console for standard output, or for standard error."""
    # A pipe does without rich, whose import takes a quarter of the time in which the command starts.
    from rich.console import Console

    return Console(stderr=stderr)


def describe_binary(packet: bytes) -> str:
    """Returns `<5 bytes> 68 65 6c 6c 6f`; a long message ends in three dots."""
    unit = "byte" if len(packet) == 1 else "bytes"
    dump = packet[:SHOWN].hex(" ")
    return f"<{len(packet)} {unit}> {dump}{' ...' if len(packet) > SHOWN else ''}".rstrip()


def visible(text: str) -> str:
    """Returns a text with control characters escaped, except line ends and tabs."""
    return escape(text, most=0, keep="\t\n")
