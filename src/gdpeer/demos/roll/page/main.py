"""The web page of the roll game: shows the table, and passes clicks on to it.

The game itself is `gdpeer.demos.roll`, as in every other Python player. This module holds what only a page needs: its
elements, and reconnection, because a browser loses its connections while a phone sleeps.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from typing import Any

from js import Date, document, localStorage, location, performance, sessionStorage, window  # type: ignore[import-not-found]
from pyodide.ffi import JsException  # type: ignore[import-not-found]
from pyodide.ffi.wrappers import add_event_listener  # type: ignore[import-not-found]

import gdpeer
from gdpeer.demos.roll.game import SERVER, Player
from gdpeer.demos.roll.table import Table, user_name

ROLLED = re.compile(r"^(.*): rolls (\d+)$")
MOST_LINES = 300
WITHOUT_PLACE = ("", "main", "roll", "pass")
"""Elements that have the focus while a player only waits; "" means no element has it."""

SVG = "http://www.w3.org/2000/svg"
DIE = "M7 9a2 2 0 1 1 4 0a2 2 0 1 1-4 0zM13 15a2 2 0 1 1 4 0a2 2 0 1 1-4 0z"

# Seconds before the next attempt to connect. They double each time, and are random in part, so that all players do not
# return to the host at the same moment.
RETRY_FIRST = 0.5
RETRY_MOST = 15.0
STABLE = 5.0
"""A connection that lasted this many seconds resets the pause to its shortest."""

SLEPT = 20.0
"""A page that was hidden for this many seconds asks the host for an answer: the connection may be lost."""
ANSWER = 5.0
"""Seconds that the host has for this answer."""


# ---------------------------------------------------------------------------------------------------- elements


def by_id(name: str) -> Any:
    return document.getElementById(name)


def element(name: str, class_name: str = "", text: str = "") -> Any:
    made = document.createElement(name)
    made.className = class_name
    made.textContent = text
    return made


def say(name: str, text: str) -> None:
    """Sets the text of an element."""
    # Do not set the same text again: a screen reader would read it out again.
    if by_id(name).textContent != text:
        by_id(name).textContent = text


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


def recall(store: Any, key: str) -> str:
    """Returns a value that `note` stored in the browser; "" without such a value, or if storage is not allowed."""
    try:
        return str(store.getItem(f"gdpeer-roll-{key}") or "")
    except JsException:
        return ""


def note(store: Any, key: str, value: str) -> None:
    with contextlib.suppress(JsException):
        store.setItem(f"gdpeer-roll-{key}", value)


def own_address() -> str:
    """Returns the WebSocket address of the page's host. It is the page's folder, because a proxy may add a path."""
    folder = location.pathname.rpartition("/")[0]
    return f"{'wss' if location.protocol == 'https:' else 'ws'}://{location.host}{folder}/"


# ---------------------------------------------------------------------------------------------------- what is shown


class View:
    """Fills the page's elements with the state of the table."""

    def show(self, view: str) -> None:
        """Shows the form to join (`seat`) or the game (`table`)."""
        by_id("app").dataset.view = view
        by_id("seat").hidden = view != "seat"
        for name in ("stage", "scroll", "acts"):
            by_id(name).hidden = view != "table"

    def state(self, state: str, text: str) -> None:
        by_id("state").dataset.state = state
        say("state-text", text)

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

    def notice(self, text: str) -> None:
        """Shows why there is no connection; "" hides the notice."""
        say("notice-text", text)
        by_id("notice").hidden = not text

    def problem(self, text: str) -> None:
        """Shows what is wrong with the address; "" if it is right."""
        say("problem", text)
        by_id("url").setAttribute("aria-invalid", "true" if text else "false")
        if text:
            by_id("url").focus()


# ---------------------------------------------------------------------------------------------------- who plays


class Guest:
    """The player of this page, who keeps the name and the place over several connections.

    Attributes:
        table: of the current connection; None between two connections.
        wanted: whether the player wants to be at the table.
        is_stale: whether the list or the turn has changed since the last frame.
    """

    def __init__(self) -> None:
        self.view = View()
        self.table: Table | None = None
        self.wanted = self.is_stale = False
        self.name = self.url = ""
        self.failures = 0
        self.seated_at = 0.0  # 0.0 while not connected
        self.was_seated = False
        self.retry_at = 0.0
        self.answer_by = 0.0  # 0.0 while no answer is awaited
        self.unseen_since = 0.0

    def join(self, name: str, url: str) -> None:
        """Connects to a host, and again whenever the connection is lost."""
        self.name, self.url = name or user_name(), url
        self.wanted, self.failures, self.was_seated = True, 0, False
        self.connect()

    def leave(self) -> None:
        self.wanted = False
        note(sessionStorage, "seat", "")
        if self.table is not None:
            self.table.leave()
        self.stand_up()
        self.view.notice("")
        self.view.state("left", "Not connected")
        self.view.show("seat")
        by_id("name").focus()

    def connect(self) -> None:
        self.table = table = Table(self.name, log=lambda line: None)  # the page shows the same facts by elements
        table.game.logged.connect(lambda line: self.view.line(line, "event warn" if "cheat" in line else ""))
        table.game.players_changed.connect(self.on_players)
        table.game.turn_changed.connect(lambda player: self.mark_stale())
        table.tree.multiplayer.connected_to_server.connect(self.on_connected)
        self.view.state("waiting" if self.failures or self.was_seated else "connecting", "Connecting")
        error = table.join(self.url)
        if error is not gdpeer.OK:
            detail = table.peer.get_close_cause().detail or error.name
            self.leave()
            self.view.problem(f"This is no address to join: {detail}")

    def tick(self, delta: float) -> None:
        """Polls the table, and updates the page if something has changed; called for each frame."""
        table = self.table
        if table is not None:
            table.poll()
            if self.answer_by and time.time() > self.answer_by:
                table.leave()
            if table.left and table is self.table:
                self.on_end()
            if self.is_stale:
                self.show()
        elif self.wanted:
            left = self.retry_at - time.time()
            say("notice-timer", f"Next try in {left:.0f} s" if left > 0.5 else "Trying ...")
            if left <= 0:
                self.connect()

    # ------------------------------------------------------------------------------------------ what happens

    def on_connected(self) -> None:
        self.view.show("table")
        if document.activeElement.id in ("", "join", "name", "url", "retry"):  # elements that are hidden now
            by_id("main").focus()
        self.view.state("connected", "Connected")
        self.view.notice("")
        self.view.line("You are back at the table" if self.was_seated else f"You sit down as {self.name}", "event")
        self.mark_stale()
        self.seated_at, self.was_seated = time.time(), True
        note(sessionStorage, "seat", self.url)

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

    def show(self) -> None:
        self.is_stale = False
        self.view.players(self.table)
        self.view.turn(self.table)

    def on_end(self) -> None:
        """Handles a connection that is lost, or could not be made, and plans the next attempt."""
        assert self.table is not None
        reason = self.table.left
        held = time.time() - self.seated_at if self.seated_at else 0.0
        if self.seated_at:
            self.view.line("The host is gone" if reason == "server gone" else "The connection was lost", "event warn")
        if held > STABLE:
            self.failures = 0
        pause = min(RETRY_MOST, RETRY_FIRST * 2**self.failures) * random.uniform(0.5, 1.0)
        self.failures += 1
        self.retry_at = time.time() + pause
        self.stand_up()
        self.view.show("table")
        self.view.state("waiting", "Reconnecting" if self.was_seated else "No connection")
        self.view.notice("The connection is lost." if self.was_seated else f"Nobody answers at {self.url}")

    def stand_up(self) -> None:
        self.table = None
        self.seated_at = self.answer_by = 0.0
        self.show()

    def act(self, action: str) -> None:
        if self.table is not None:
            self.table.game.act(action)

    def retry_now(self) -> None:
        if self.wanted and self.table is None:
            self.retry_at = 0.0

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
        if self.table is not None and self.seated_at and not self.answer_by:
            self.answer_by = time.time() + ANSWER
            self.table.game.set_player_name.rpc_id(SERVER, self.name)


# ---------------------------------------------------------------------------------------------------- the page


def main() -> Guest:
    guest = Guest()

    def submit(event: Any) -> None:
        event.preventDefault()
        guest.view.problem("")
        name, url = by_id("name").value.strip(), by_id("url").value.strip()
        note(localStorage, "name", name)
        guest.join(name, url if "://" in url else f"{own_address().partition('://')[0]}://{url}")

    add_event_listener(by_id("seat"), "submit", submit)
    add_event_listener(by_id("roll"), "click", lambda event: guest.act("roll"))
    add_event_listener(by_id("pass"), "click", lambda event: guest.act("pass"))
    add_event_listener(by_id("leave"), "click", lambda event: guest.leave())
    add_event_listener(by_id("retry"), "click", lambda event: guest.retry_now())
    add_event_listener(document, "visibilitychange", lambda event: guest.on_seen(bool(document.hidden)))
    add_event_listener(window, "online", lambda event: guest.check_host())

    by_id("name").value = recall(localStorage, "name")
    by_id("url").value = seat = recall(sessionStorage, "seat") or own_address()
    say("address", own_address())
    say("command", f"gdpeer roll --join {own_address()}")
    guest.view.show("seat")
    guest.view.state("left", "Not connected")
    if recall(sessionStorage, "seat"):  # the page was loaded again in the middle of a game
        guest.join(by_id("name").value, seat)
    else:
        by_id("name").focus()
    return guest


guest = main()
gdpeer.run(guest.tick)
