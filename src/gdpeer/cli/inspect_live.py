"""Writes the output of `gdpeer inspect` to a terminal: rows run through above a table of totals.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gdpeer.cli.inspect_screen import Screen
from gdpeer.inspection.direction import Direction
from gdpeer.inspection.rows import Inspector, Row
from gdpeer.inspection.tunnel import Tunnel
from gdpeer.quoting import escape

__all__ = ["LiveScreen"]

MOST_LIVE = 8
"""Rows of each table of totals while the command runs."""

STYLES = {Direction.TO_SERVER: "green", Direction.TO_CLIENT: "cyan", None: "dim"}


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
