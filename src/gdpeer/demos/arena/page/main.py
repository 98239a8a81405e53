"""The web page of the arena: draws what is near, and steers the player.

The game itself is `gdpeer.demos.arena`, as in a bot. This module holds what only a page needs: its elements, keys and
pointer, and reconnection.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from typing import Any

from js import devicePixelRatio, document, localStorage, location, sessionStorage, window  # type: ignore[import-not-found]
from pyodide.ffi import JsException  # type: ignore[import-not-found]
from pyodide.ffi.wrappers import add_event_listener  # type: ignore[import-not-found]

import gdpeer
from gdpeer import Vector2
from gdpeer.demos.arena.guest import Guest
from gdpeer.demos.arena.world import SIZE

KEYS = {
    "ArrowLeft": Vector2.LEFT,
    "ArrowRight": Vector2.RIGHT,
    "ArrowUp": Vector2.UP,
    "ArrowDown": Vector2.DOWN,
    "KeyA": Vector2.LEFT,
    "KeyD": Vector2.RIGHT,
    "KeyW": Vector2.UP,
    "KeyS": Vector2.DOWN,
}

# Seconds before the next attempt to connect; they double each time, and are random in part.
RETRY_FIRST, RETRY_MOST = 0.5, 15.0

VISIBLE = 1100.0
"""Units of the arena across the longer side of the canvas: what lies outside is not drawn, and hardly sent."""
FOLLOWING = 14.0
"""How fast a drawn player follows the position that the server sent, per second."""
GRID = 200


def by_id(name: str) -> Any:
    return document.getElementById(name)


def say(name: str, text: str) -> None:
    """Sets the text of an element."""
    # Do not set the same text again: a screen reader would read it out again.
    if by_id(name).textContent != text:
        by_id(name).textContent = text


def element(name: str, class_name: str, text: str) -> Any:
    made = document.createElement(name)
    made.className = class_name
    made.textContent = text
    return made


def recall(store: Any, key: str) -> str:
    """Returns a value that `note` stored in the browser; "" without such a value, or if storage is not allowed."""
    try:
        return str(store.getItem(f"gdpeer-arena-{key}") or "")
    except JsException:
        return ""


def note(store: Any, key: str, value: str) -> None:
    with contextlib.suppress(JsException):
        store.setItem(f"gdpeer-arena-{key}", value)


def own_address() -> str:
    """Returns the WebSocket address of the page's server. It is the page's folder, because a proxy may add a path."""
    folder = location.pathname.rpartition("/")[0]
    return f"{'wss' if location.protocol == 'https:' else 'ws'}://{location.host}{folder}/"


# ---------------------------------------------------------------------------------------------------- drawing


class Canvas:
    """Draws the part of the arena around a point."""

    def __init__(self) -> None:
        self._view = by_id("view")
        self._context = self._view.getContext("2d")
        self._shown: dict[str, Vector2] = {}  # where each player is drawn: a little behind the server's steps

    def draw(self, guest: Guest, delta: float) -> None:
        view, context = self._view, self._context
        width, height = view.clientWidth, view.clientHeight
        if (view.width, view.height) != (round(width * devicePixelRatio), round(height * devicePixelRatio)):
            view.width, view.height = round(width * devicePixelRatio), round(height * devicePixelRatio)
        self._follow(guest, delta)
        middle = self._shown.get(str(guest.id), Vector2(SIZE / 2, SIZE / 2))
        scale = max(width, height) / VISIBLE
        factor = scale * devicePixelRatio
        context.setTransform(1, 0, 0, 1, 0, 0)
        context.fillStyle = "#0d1014"
        context.fillRect(0, 0, view.width, view.height)
        left, top = view.width / 2 - middle.x * factor, view.height / 2 - middle.y * factor
        context.setTransform(factor, 0, 0, factor, left, top)
        self._ground()
        self._coins(guest)
        for player in guest.main.all_players():
            self._player(player.name, player.title, player.score, is_own=player.name == str(guest.id))

    def _follow(self, guest: Guest, delta: float) -> None:
        share = min(1.0, FOLLOWING * delta)
        before = self._shown
        self._shown = {
            player.name: before.get(player.name, player.position).lerp(player.position, share)
            for player in guest.main.all_players()
        }

    def _ground(self) -> None:
        context = self._context
        context.fillStyle = "#1c232c"
        context.fillRect(0, 0, SIZE, SIZE)
        context.strokeStyle = "#28313c"
        context.lineWidth = 2
        context.beginPath()
        for line in range(0, int(SIZE) + 1, GRID):
            context.moveTo(line, 0)
            context.lineTo(line, SIZE)
            context.moveTo(0, line)
            context.lineTo(SIZE, line)
        context.stroke()

    def _coins(self, guest: Guest) -> None:
        context = self._context
        context.fillStyle = "#f0c36a"
        context.beginPath()
        for coin in guest.main.all_coins():
            radius = 6 + coin.worth
            context.moveTo(coin.position.x + radius, coin.position.y)
            context.arc(coin.position.x, coin.position.y, radius, 0, math.tau)
        context.fill()

    def _player(self, name: str, title: str, score: int, *, is_own: bool) -> None:
        context, at = self._context, self._shown[name]
        context.fillStyle = f"hsl({int(name) * 47 % 360} 60% 62%)"
        context.beginPath()
        context.arc(at.x, at.y, 16, 0, math.tau)
        context.fill()
        if is_own:
            context.strokeStyle = "#ffffff"
            context.lineWidth = 3
            context.stroke()
        context.fillStyle = "#e8ebef"
        context.font = "600 16px system-ui, sans-serif"
        context.textAlign = "center"
        context.fillText(f"{title}  {score}", at.x, at.y - 26)


# ---------------------------------------------------------------------------------------------------- steering


class Steering:
    """The direction that keys and pointer ask for."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._pointer: Vector2 | None = None
        add_event_listener(document, "keydown", self._on_down)
        add_event_listener(document, "keyup", lambda event: self._keys.pop(event.code, None))
        add_event_listener(window, "blur", lambda event: self.stop())
        view = by_id("view")
        add_event_listener(view, "pointerdown", self._on_pointer)
        add_event_listener(view, "pointermove", lambda event: self._on_pointer(event) if event.buttons else None)
        for name in ("pointerup", "pointercancel", "pointerleave"):
            add_event_listener(view, name, lambda event: self._let_go())

    def _on_down(self, event: Any) -> None:
        if event.code in KEYS and not by_id("view").hidden and not (event.ctrlKey or event.altKey or event.metaKey):
            event.preventDefault()  # the arrows would scroll
            self._keys[event.code] = None

    def _on_pointer(self, event: Any) -> None:
        view = by_id("view")
        self._pointer = Vector2(event.offsetX - view.clientWidth / 2, event.offsetY - view.clientHeight / 2)

    def _let_go(self) -> None:
        self._pointer = None

    def stop(self) -> None:
        """Forgets all keys, for instance when the window loses the focus."""
        self._keys.clear()
        self._let_go()

    def direction(self) -> Vector2:
        """Returns the direction, with a length of at most 1."""
        if self._pointer is not None:
            # In tenths, so that a still hand sends nothing.
            return (self._pointer / 60).limit_length().snappedf(0.1)
        return sum((KEYS[key] for key in self._keys), Vector2()).limit_length()


# ---------------------------------------------------------------------------------------------------- the player


class Page:
    """The player of this page, who keeps the name over several connections.

    Attributes:
        guest: of the current connection; None between two connections.
    """

    def __init__(self) -> None:
        self.guest: Guest | None = None
        self.canvas, self.steering = Canvas(), Steering()
        self._wanted = self._was_in = False
        self._title = self._url = ""
        self._failures = 0
        self._retry_at = 0.0
        self._listed = ""  # what the board shows, to change it only when needed

    def show(self, view: str) -> None:
        """Shows the form (`seat`) or the arena (`arena`)."""
        by_id("app").dataset.view = view
        by_id("seat").hidden = view != "seat"
        for name in ("view", "score", "leave"):
            by_id(name).hidden = view != "arena"

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

    # ------------------------------------------------------------------------------------------ connections

    def join(self, title: str, url: str) -> None:
        """Connects to a server, and again whenever the connection is lost."""
        self._title, self._url = title or "A Browser User", url
        self._wanted, self._failures, self._was_in = True, 0, False
        self._connect()

    def _connect(self) -> None:
        self.guest = guest = Guest(self._title)
        guest.tree.multiplayer.connected_to_server.connect(self._on_connected)
        self.state("waiting" if self._failures or self._was_in else "connecting", "Connecting")
        error = guest.join(self._url)
        if error is not gdpeer.OK:
            detail = guest.peer.get_close_cause().detail or error.name
            self.leave()
            self.problem(f"This is no address to join: {detail}")

    def leave(self) -> None:
        self._wanted = False
        note(sessionStorage, "seat", "")
        if self.guest is not None:
            self.guest.leave()
        self.guest = None
        self._list()
        self.notice("")
        self.state("left", "Not connected")
        self.show("seat")
        by_id("name").focus()

    def retry_now(self) -> None:
        self._retry_at = 0.0

    def _on_connected(self) -> None:
        self._failures, self._was_in = 0, True
        self.state("connected", "Connected")
        self.notice("")
        self.show("arena")
        by_id("view").focus()
        note(sessionStorage, "seat", self._url)

    def _on_end(self) -> None:
        pause = min(RETRY_MOST, RETRY_FIRST * 2**self._failures) * random.uniform(0.5, 1.0)
        self._failures += 1
        self._retry_at = time.time() + pause
        self.guest = None
        self._list()
        self.show("arena")
        self.state("waiting", "Reconnecting" if self._was_in else "No connection")
        self.notice("The connection is lost." if self._was_in else f"Nobody answers at {self._url}")

    # ------------------------------------------------------------------------------------------ each frame

    def tick(self, delta: float) -> None:
        """Polls the connection, steers and draws; called for each frame."""
        guest = self.guest
        if guest is not None:
            guest.steer(self.steering.direction())
            guest.poll()
            if guest is not self.guest:
                return
            if guest.left:
                self._on_end()
            elif self._was_in:
                self.canvas.draw(guest, delta)
                self._list()
        elif self._wanted:
            left = self._retry_at - time.time()
            say("notice-timer", f"Next try in {left:.0f} s" if left > 0.5 else "Trying ...")
            if left <= 0:
                self._connect()

    def _list(self) -> None:
        """Shows the best players, and the own score."""
        guest = self.guest
        player = None if guest is None else guest.player
        if guest is not None:
            say("score", guest.refusal or ("" if player is None else f"Score {player.score}"))
        board = None if guest is None else guest.main.board
        rows = [] if board is None else list(zip(board.titles, board.scores, strict=False))
        own = "" if player is None else player.title
        listed = f"{rows} {own} {0 if board is None else board.players}"
        if listed != self._listed:
            self._listed = listed
            say("count", str(0 if board is None else board.players))
            nobody = element("li", "none", "Nobody is here yet." if guest is not None else "You are not in the arena.")
            by_id("board").replaceChildren(*([row(*found, own) for found in rows] or [nobody]))


def row(title: str, score: int, own: str) -> Any:
    made = element("li", "", "")
    made.append(element("span", "name", title))
    if title == own:
        made.append(element("span", "you", "You"))
    made.append(element("span", "points", str(score)))
    return made


def main() -> Page:
    page = Page()

    def submit(event: Any) -> None:
        event.preventDefault()
        page.problem("")
        name, url = by_id("name").value.strip(), by_id("url").value.strip()
        note(localStorage, "name", name)
        page.join(name, url if "://" in url else f"{own_address().partition('://')[0]}://{url}")

    add_event_listener(by_id("seat"), "submit", submit)
    add_event_listener(by_id("leave"), "click", lambda event: page.leave())
    add_event_listener(by_id("retry"), "click", lambda event: page.retry_now())

    by_id("name").value = recall(localStorage, "name")
    by_id("url").value = seat = recall(sessionStorage, "seat") or own_address()
    say("address", own_address())
    say("command", f"gdpeer arena --join {own_address()} --bots 5")
    page.show("seat")
    page.state("left", "Not connected")
    if recall(sessionStorage, "seat"):  # the page was loaded again in the middle of a game
        page.join(by_id("name").value, seat)
    else:
        by_id("name").focus()
    return page


page = main()
gdpeer.run(page.tick)
