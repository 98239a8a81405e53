"""Writes the output of `gdpeer inspect` in lines: one for each row, and totals at the end. Terminals: `inspect_live`.

Layer: `cli`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Self

from gdpeer.cli.screen import is_terminal
from gdpeer.inspection.rows import Inspector, Row
from gdpeer.inspection.totals import Total
from gdpeer.inspection.tunnel import Tunnel
from gdpeer.quoting import escape

__all__ = ["JsonScreen", "Screen", "choose_screen"]

MOST_AT_END = 40
"""Rows of each table of totals at the end."""


class Screen:
    """Writes plain lines, for a pipe or a file. A context manager; subclasses write other forms."""

    def __init__(self, inspector: Inspector, tunnel: Tunnel) -> None:
        self.inspector = inspector
        self.tunnel = tunnel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Does nothing here; a subclass restores the terminal."""

    def say(self, line: str) -> None:
        """Writes a line about the command itself, such as the address to connect to."""
        write(line)

    def show(self, rows: Sequence[Row]) -> None:
        """Writes new rows; call it in each turn, also without rows, to measure the rates."""
        self.inspector.totals.tick(self.tunnel.time())
        if rows:
            write("\n".join(self.line_of(row) for row in rows))

    def line_of(self, row: Row) -> str:
        """Returns the line for a row."""
        return row.as_text()

    def finish(self) -> None:
        """Writes the totals after the last row."""
        self.inspector.finish()
        write("\n".join(self.report()))

    def report(self) -> list[str]:
        """Returns the lines with the totals, the undecoded messages and the methods without names."""
        inspector, seconds = self.inspector, self.tunnel.time()
        totals = inspector.totals
        lines = []
        for title, table in (("method", totals.methods), ("peer", totals.peers)):
            lines += ["", f"{title:<50} {'messages':>9} {'bytes':>12} {'a second':>9} {'peak':>8}"]
            lines += [total_line(total, seconds) for total in [*table.largest(MOST_AT_END), totals.all]]
        lines += ["", f"{inspector.undecoded} undecoded"]
        for path, checksum in sorted(inspector.unnamed.items()):
            known = f"checksum {checksum}" if checksum else "the checksum did not appear"
            lines.append(f"No names for the methods of {path}: see --names ({known})")
        return lines


def total_line(total: Total, seconds: float) -> str:
    """Returns one row of the report, with the average rate over `seconds`."""
    rate = total.count / seconds if seconds else 0.0
    return f"{total.name:<50} {total.count:>9} {total.size:>12} {rate:>9.1f} {total.peak:>8.1f}"


def write(text: str) -> None:
    """Prints lines with control characters escaped."""
    # Flush: the reader of a pipe waits for each row.
    print(escape(text, most=0, keep="\t\n"), flush=True)


def json_line(fields: dict[str, Any]) -> str:
    """Returns JSON in one line, with characters that could steer a terminal escaped."""
    text = json.dumps(fields, ensure_ascii=False)  # names in other alphabets stay readable
    return text if text.isprintable() else "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


class JsonScreen(Screen):
    """Writes a line of JSON for each row, and one with the totals at the end."""

    def say(self, line: str) -> None:
        """Writes to standard error, because standard output is JSON alone."""
        print(line, file=sys.stderr, flush=True)

    def line_of(self, row: Row) -> str:
        """Returns the JSON of a row."""
        return json_line(row.as_json())

    def finish(self) -> None:
        """Writes the object with the totals."""
        self.inspector.finish()
        end = {
            "totals": self.inspector.totals.as_json(),
            "seconds": round(self.tunnel.time(), 6),
            "undecoded": self.inspector.undecoded,
            "unnamed": self.inspector.unnamed,
        }
        write(json_line(end))


def choose_screen(inspector: Inspector, tunnel: Tunnel, is_json: bool) -> Screen:
    """Returns the screen for standard output: JSON if asked for, a live one on a terminal, else plain lines."""
    if is_json:
        return JsonScreen(inspector, tunnel)
    if not is_terminal(sys.stdout):
        return Screen(inspector, tunnel)
    # It imports rich, which takes long; a pipe does without.
    from gdpeer.cli.inspect_live import LiveScreen

    return LiveScreen(inspector, tunnel)
