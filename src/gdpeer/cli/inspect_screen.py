"""Writes the output of `gdpeer inspect`: a line for each row, and totals at the end or, on a terminal, below the rows.

Layer: `cli`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gdpeer.inspection.direction import Direction
from gdpeer.inspection.rows import Inspector, Row
from gdpeer.inspection.totals import Total
from gdpeer.inspection.tunnel import Tunnel
from gdpeer.quoting import escape

__all__ = ["JsonScreen", "LiveScreen", "Screen", "choose_screen"]

MOST_LIVE = 8
"""Rows of each table of totals while the command runs."""

MOST_AT_END = 40
"""Rows of each table of totals at the end."""

STYLES = {Direction.TO_SERVER: "green", Direction.TO_CLIENT: "cyan", None: "dim"}


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


class LiveScreen(Screen):
    """Writes to a terminal: rows scroll above a table of totals, which stays at the bottom."""

    def __init__(self, inspector: Inspector, tunnel: Tunnel) -> None:
        super().__init__(inspector, tunnel)
        self._console = Console(highlight=False)
        # Without refreshing by itself, which rich does in a thread: `show` draws when the data is complete.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._drawn = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Removes the table and restores the terminal."""
        self._live.stop()

    def say(self, line: str) -> None:
        """Writes a line about the command itself, in bold."""
        self._console.print(Text(line, "bold"))

    def show(self, rows: Sequence[Row]) -> None:
        """Writes new rows above the table, and draws the table at least once a second."""
        now = self.tunnel.time()
        self.inspector.totals.tick(now)
        if rows:
            # The terminal wraps long rows by itself; rich would put line ends into a row that is copied.
            self._console.print(Text("\n").join(styled(row) for row in rows), soft_wrap=True)
        if rows or now - self._drawn >= 1.0:
            self._drawn = now
            self._live.update(self._table(), refresh=True)

    def finish(self) -> None:
        """Removes the table and writes the final totals, which stay on the screen."""
        self._live.stop()  # a table that is still drawn would overwrite the totals
        super().finish()

    def _table(self) -> Table:
        table = Table(expand=True, box=None, header_style="bold")
        table.add_column("method, peer", ratio=1, no_wrap=True)
        for name in ("messages", "bytes", "a second"):
            table.add_column(name, justify="right")
        totals = self.inspector.totals
        for total in (*totals.methods.largest(MOST_LIVE), *totals.peers.largest(MOST_LIVE), totals.all):
            table.add_row(Text(escape(total.name)), str(total.count), str(total.size), f"{total.rate:.0f}")
        return table


def styled(row: Row) -> Text:
    """Returns a row as text coloured by its direction, or red if it could not be decoded."""
    return Text(escape(row.as_text(), most=0), "bold red" if row.decoded.problem else STYLES[row.direction])


def choose_screen(inspector: Inspector, tunnel: Tunnel, is_json: bool) -> Screen:
    """Returns the screen for standard output: JSON if asked for, a live one on a terminal, else plain lines."""
    if is_json:
        return JsonScreen(inspector, tunnel)
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return LiveScreen(inspector, tunnel) if is_terminal else Screen(inspector, tunnel)
