"""What the pages of the games share: elements, storage, the form, the notice, and new attempts to connect.

Runs in a page; `gdpeer.demos.pages` serves this file beside the page's own `main.py`.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from typing import Any

from js import Uint8Array, URLSearchParams, crypto, document, localStorage, location, sessionStorage  # type: ignore[import-not-found]
from pyodide.ffi import JsException  # type: ignore[import-not-found]
from pyodide.ffi.wrappers import add_event_listener  # type: ignore[import-not-found]

__all__ = ["Seat", "by_id", "element", "note", "own_address", "recall", "say"]

# Seconds before the next attempt to connect. They double each time, and are random in part, so that all players do not
# return to the server at the same moment.
RETRY_FIRST, RETRY_MOST = 0.5, 15.0
STABLE = 5.0
"""A connection that lasted this many seconds resets the pause to its shortest."""

REPLACED = "closed with code 4001"
"""How the connection of a player ends whose place another connection took, such as that of a copy of this tab."""


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


# ---------------------------------------------------------------------------------------------------- storage


def recall(store: Any, key: str) -> str:
    """Returns a value that `note` stored in the browser; "" without such a value, or if storage is not allowed."""
    try:
        return str(store.getItem(f"gdpeer-{key}") or "")
    except JsException:
        return ""


def note(store: Any, key: str, value: str) -> None:
    with contextlib.suppress(JsException):
        store.setItem(f"gdpeer-{key}", value)


# ---------------------------------------------------------------------------------------------------- addresses


def own_address() -> str:
    """Returns the WebSocket address of the page's server, or of the room in the page's query (`?room=K7Q2M3`).

    The address begins as that of the page's folder, because a proxy may add a path. The page of a game with rooms lies
    one folder below the server's.
    """
    folder = location.pathname.rpartition("/")[0]
    room = URLSearchParams.new(location.search).get("room")
    path = f"{folder.rpartition('/')[0]}/room/{room}" if room else f"{folder}/"
    return f"{'wss' if location.protocol == 'https:' else 'ws'}://{location.host}{path}"


def with_key(url: str, key: str) -> str:
    """Adds the session key to the address of a room. By the key the server gives a player the former place."""
    return f"{url}?session={key}" if "/room/" in url and "?" not in url else url


def session_key() -> str:
    """Returns the key of this tab, drawn at its first use."""
    key = recall(sessionStorage, "session")
    if not key:
        key = "".join(f"{byte:02x}" for byte in crypto.getRandomValues(Uint8Array.new(16)).to_py())
        note(sessionStorage, "session", key)
    return key


# ---------------------------------------------------------------------------------------------------- the seat


class Seat:
    """The player of a page, who keeps the name and the place over several connections.

    A game's page inherits from this: `connect` begins a connection, `part` forgets the connection.

    Args:
        game: a word for the stored values and the command line.
        view: the page's view while the player plays.
        parts: the elements that are shown then.

    Attributes:
        retry_at: when the next attempt to connect is due, in seconds.
        wanted: whether the player wants to play.
        was_in: whether a connection was open since the player joined.
        name, url: as the player typed them.
        since: when the connection opened, in seconds; 0.0 while no connection is open.
    """

    def __init__(self, game: str, view: str, parts: tuple[str, ...]) -> None:
        self._game = game
        self._view = view
        self._parts = parts
        self._key = session_key()
        self._failures = 0
        self.retry_at = 0.0
        self.wanted = self.was_in = False
        self.name = self.url = ""
        self.since = 0.0

    def connect(self) -> None:
        raise NotImplementedError

    def part(self) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------ what is shown

    def show(self, view: str) -> None:
        """Shows the form ("seat"), or the game."""
        by_id("app").dataset.view = view
        by_id("seat").hidden = view != "seat"
        for name in self._parts:
            by_id(name).hidden = view != self._view

    def state(self, state: str, text: str) -> None:
        by_id("state").dataset.state = state
        say("state-text", text)

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

    # ------------------------------------------------------------------------------------------ coming and going

    def join(self, name: str, url: str) -> None:
        """Connects to a server, and again whenever the connection is lost."""
        self.name, self.url = name, url
        self.wanted, self._failures, self.was_in = True, 0, False
        self.connect()

    @property
    def address(self) -> str:
        """The URL that the client connects to, with its session key."""
        return with_key(self.url, self._key)

    def begin(self) -> None:
        """Shows that the page connects."""
        self.state("waiting" if self._failures or self.was_in else "connecting", "Connecting")

    def refuse(self, detail: str) -> None:
        """Shows that the address is wrong."""
        self.leave()
        self.problem(f"This is no address to join: {detail}")

    def enter(self) -> None:
        """Shows the game: the connection is open."""
        self.state("connected", "Connected")
        self.notice("")
        self.show(self._view)
        self.since, self.was_in = time.time(), True
        note(sessionStorage, f"{self._game}-seat", self.url)

    def leave(self) -> None:
        self.wanted = False
        note(sessionStorage, f"{self._game}-seat", "")
        self.part()
        self.since = 0.0
        self.notice("")
        self.state("left", "Not connected")
        self.show("seat")
        by_id("name").focus()

    def lose(self, detail: str) -> None:
        """Plans the next attempt after a connection that ended, or could not be made, and the detail of its cause."""
        if detail == REPLACED:
            self.leave()
            self.problem("This place was taken over, perhaps by a copy of this tab")
            return
        if self.since and time.time() - self.since > STABLE:
            self._failures = 0
        pause = min(RETRY_MOST, RETRY_FIRST * 2**self._failures) * random.uniform(0.5, 1.0)
        self._failures += 1
        self.retry_at = time.time() + pause
        self.part()
        self.since = 0.0
        self.show(self._view)
        self.state("waiting", "Reconnecting" if self.was_in else "No connection")
        self.notice("The connection is lost." if self.was_in else f"Nobody answers at {self.url}")

    def wait(self) -> None:
        """Connects again when it is time; call it in each frame without a connection."""
        if not self.wanted:
            return
        left = self.retry_at - time.time()
        say("notice-timer", f"Next try in {left:.0f} s" if left > 0.5 else "Trying ...")
        if left <= 0:
            self.connect()

    def retry_now(self) -> None:
        self.retry_at = 0.0

    # ------------------------------------------------------------------------------------------ the form

    def open(self, command: Callable[[str], str]) -> None:
        """Shows the form; joins at once if the page was loaded again in the middle of a game.

        Args:
            command: returns the command line that joins at an address.
        """
        add_event_listener(by_id("seat"), "submit", self._submit)
        add_event_listener(by_id("leave"), "click", lambda event: self.leave())
        add_event_listener(by_id("retry"), "click", lambda event: self.retry_now())
        seat = recall(sessionStorage, f"{self._game}-seat")
        by_id("name").value = recall(localStorage, f"{self._game}-name")
        by_id("url").value = seat or own_address()
        say("address", own_address())
        say("command", command(own_address()))
        self.show("seat")
        self.state("left", "Not connected")
        if seat:
            self.join(by_id("name").value, seat)
        else:
            by_id("name").focus()

    def _submit(self, event: Any) -> None:
        event.preventDefault()
        self.problem("")
        name, url = by_id("name").value.strip(), by_id("url").value.strip()
        note(localStorage, f"{self._game}-name", name)
        self.join(name, url if "://" in url else f"{own_address().partition('://')[0]}://{url}")
