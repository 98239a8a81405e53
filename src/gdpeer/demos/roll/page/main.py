"""The web page of the roll game: shows the table, and passes clicks on to it.

The game itself is `gdpeer.demos.roll`, as in every other Python player. This module holds what only a page needs: its
elements, and reconnection, because a browser loses its connections while a phone sleeps.
"""

from __future__ import annotations

import re
import time
from typing import Any

from js import Date, document, performance, window  # type: ignore[import-not-found]
from pyodide.ffi.wrappers import add_event_listener  # type: ignore[import-not-found]
from seat import Seat, by_id, element, say  # type: ignore[import-not-found]

import gdpeer
from gdpeer.demos.roll.game import SERVER, Player
from gdpeer.demos.roll.table import Table, user_name

ROLLED = re.compile(r"^(.*): rolls (\d+)$")
MOST_LINES = 300
WITHOUT_PLACE = ("", "main", "roll", "pass")
"""Elements that have the focus while a player only waits; "" means no element has it."""

SVG = "http://www.w3.org/2000/svg"
DIE = "M7 9a2 2 0 1 1 4 0a2 2 0 1 1-4 0zM13 15a2 2 0 1 1 4 0a2 2 0 1 1-4 0z"

SLEPT = 20.0
"""A page that was hidden for this many seconds asks the host for an answer: the connection may be lost."""
ANSWER = 5.0
"""Seconds that the host has for this answer."""


# ---------------------------------------------------------------------------------------------------- elements


def face(player: Player) -> Any:
    made = element("span", "face letter", (player.name or "?")[0].upper())
    made.setAttribute("aria-hidden", "true")
    made.style.setProperty("--hue", str(player.peer_id * 47 % 360))
    return made


def die() -> Any:
    """Returns the picture of a die, which marks the player whose turn it is."""
    made = document.createElementNS(SVG, "svg")
    made.setAttribute("class", "to-move")
    made.setAttribute("viewBox", "0 0 24 24")
    made.setAttribute("role", "img")
    made.setAttribute("aria-label", "has the turn")
    rectangle = {"x": "2", "y": "2", "width": "20", "height": "20", "rx": "6"}
    for name, attributes in (("rect", rectangle), ("path", {"d": DIE})):
        shape = document.createElementNS(SVG, name)
        for key, value in attributes.items():
            shape.setAttribute(key, value)
        made.append(shape)
    return made


# ---------------------------------------------------------------------------------------------------- what is shown


class View:
    """Fills the page's elements with the state of the table."""

    def players(self, table: Table | None) -> None:
        players = table.game.players if table is not None else []
        say("count", str(len(players)))
        rows = [self._row(table, player) for player in players if table is not None]
        by_id("players").replaceChildren(*(rows or [element("li", "none", "You are not at a table.")]))

    def _row(self, table: Table, player: Player) -> Any:
        row = element("li")
        row.dataset.id = str(player.peer_id)
        row.append(face(player), element("span", "name", player.shown_name))
        if player.peer_id == SERVER:
            row.append(element("span", "host", "host"))
        if player.peer_id == table.peer.get_unique_id():
            row.append(element("span", "you", "You"))
        if player is table.game.player_in_turn:
            row.setAttribute("aria-current", "true")
            row.append(die())
        return row

    def turn(self, table: Table | None) -> None:
        own = table is not None and table.game.is_own_turn
        say("turn", self._whose_turn(table))
        by_id("turn").classList.toggle("own", own)
        document.title = f"{'Your turn - ' if own else ''}gdpeer roll"
        lost = document.activeElement.id in WITHOUT_PLACE
        for name in ("roll", "pass"):
            by_id(name).disabled = not own
        if own and lost:  # a player at the keyboard need not search for the button in each turn
            by_id("roll").focus()

    def _whose_turn(self, table: Table | None) -> str:
        if table is None:
            return "No connection"
        player = table.game.player_in_turn
        if table.game.is_own_turn:
            return "It is your turn"
        return f"It is {player.shown_name}'s turn" if player is not None else "It is nobody's turn"

    def line(self, text: str, kind: str = "") -> None:
        """Adds a line to the log, and shows the number large if the line is a roll."""
        item = element("li")
        when = Date.new()
        stamp = element("time", "", when.toLocaleTimeString())
        stamp.dateTime = when.toISOString()
        item.append(element("span", f"what {kind}", text), stamp)
        box, log = by_id("scroll"), by_id("log")
        follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60
        log.append(item)
        if log.childElementCount > MOST_LINES:
            log.firstElementChild.remove()
        if follows:
            box.scrollTop = box.scrollHeight
        if found := ROLLED.match(text):
            self._number(*found.groups())

    def _number(self, who: str, number: str) -> None:
        tile = by_id("number")
        tile.textContent = number
        tile.classList.remove("new")
        _ = tile.offsetWidth  # makes the browser lay out the page, so that the animation begins again
        tile.classList.add("new")
        say("last", f"{who} rolled {number}.")


# ---------------------------------------------------------------------------------------------------- who plays


class Guest(Seat):  # type: ignore[misc]
    """The player of this page.

    Attributes:
        table: of the current connection; None between two connections.
        is_stale: whether the list or the turn has changed since the last frame.
    """

    def __init__(self) -> None:
        super().__init__("roll", "table", ("stage", "scroll", "acts"))
        self.view = View()
        self.table: Table | None = None
        self.is_stale = False
        self.answer_by = 0.0  # 0.0 while no answer is awaited
        self.unseen_since = 0.0

    def connect(self) -> None:
        # The page shows the same facts by elements, so it needs no log.
        self.table = table = Table(self.name or user_name(), log=lambda line: None)
        table.game.logged.connect(lambda line: self.view.line(line, "event warn" if "cheat" in line else ""))
        table.game.players_changed.connect(self.on_players)
        table.game.turn_changed.connect(lambda player: self.mark_stale())
        table.tree.multiplayer.connected_to_server.connect(self.on_connected)
        self.begin()
        error = table.join(self.address)
        if error is not gdpeer.OK:
            self.refuse(table.peer.get_close_cause().detail or error.name)

    def part(self) -> None:
        if self.table is not None:
            self.table.leave()
        self.table = None
        self.answer_by = 0.0
        self.show_table()

    def tick(self, delta: float) -> None:
        """Polls the table, and updates the page if something has changed; called for each frame."""
        table = self.table
        if table is None:
            self.wait()
            return
        table.poll()
        if self.answer_by and time.time() > self.answer_by:
            table.leave()
        if table.left and table is self.table:
            self.on_end(table)
        if self.is_stale:
            self.show_table()

    # ------------------------------------------------------------------------------------------ what happens

    def on_connected(self) -> None:
        self.view.line("You are back at the table" if self.was_in else f"You sit down as {self.table_name}", "event")
        self.enter()
        if document.activeElement.id in ("", "join", "name", "url", "retry"):  # elements that are hidden now
            by_id("main").focus()
        self.mark_stale()

    @property
    def table_name(self) -> str:
        return "" if self.table is None else self.table.name or ""

    def on_players(self) -> None:
        table = self.table
        assert table is not None
        self.answer_by = 0.0
        self.mark_stale()
        own = table.game.find(table.peer.get_unique_id())
        if own is not None and own.name and not performance.getEntriesByName("roll-first-answer").length:
            performance.mark("roll-first-answer")  # the host has answered the first call

    def mark_stale(self) -> None:
        self.is_stale = True

    def show_table(self) -> None:
        self.is_stale = False
        self.view.players(self.table)
        self.view.turn(self.table)

    def on_end(self, table: Table) -> None:
        """Handles a connection that is lost, or could not be made."""
        if self.since:
            is_gone = table.left == "server gone"
            self.view.line("The host is gone" if is_gone else "The connection was lost", "event warn")
        self.lose(table.cause.detail)

    def act(self, action: str) -> None:
        if self.table is not None:
            self.table.game.act(action)

    def on_seen(self, is_hidden: bool) -> None:
        """Handles that the page has become visible or hidden."""
        if is_hidden:
            self.unseen_since = time.time()
        elif time.time() - self.unseen_since > SLEPT:
            self.check_host()
        else:
            self.retry_now()

    def check_host(self) -> None:
        """Asks the host for an answer, because a browser may notice a lost connection late after a sleep.

        The page sends its name, which makes the host announce the name to all players.
        """
        self.retry_now()
        if self.table is not None and self.since and not self.answer_by:
            self.answer_by = time.time() + ANSWER
            self.table.game.set_player_name.rpc_id(SERVER, self.table_name)


# ---------------------------------------------------------------------------------------------------- the page


guest = Guest()
add_event_listener(by_id("roll"), "click", lambda event: guest.act("roll"))
add_event_listener(by_id("pass"), "click", lambda event: guest.act("pass"))
add_event_listener(document, "visibilitychange", lambda event: guest.on_seen(bool(document.hidden)))
add_event_listener(window, "online", lambda event: guest.check_host())
guest.open(lambda address: f"gdpeer roll --join {address}")
gdpeer.run(guest.tick)
