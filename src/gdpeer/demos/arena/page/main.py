"""The web page of the arena: draws what is near, and steers the player.

The game itself is `gdpeer.demos.arena`, as in a bot. This module holds what only a page needs: its elements, keys and
pointer, and reconnection.
"""

from __future__ import annotations

import math
from typing import Any

from js import devicePixelRatio, document, window  # type: ignore[import-not-found]
from pyodide.ffi.wrappers import add_event_listener  # type: ignore[import-not-found]
from seat import Seat, by_id, element, say  # type: ignore[import-not-found]

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

VISIBLE = 1100.0
"""Units of the arena across the longer side of the canvas: what lies outside is not drawn, and hardly sent."""
FOLLOWING = 14.0
"""How fast a drawn player follows the position that the server sent, per second."""
GRID = 200


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


class Page(Seat):  # type: ignore[misc]
    """The player of this page.

    Attributes:
        guest: of the current connection; None between two connections.
    """

    def __init__(self) -> None:
        super().__init__("arena", "arena", ("view", "score", "leave"))
        self.guest: Guest | None = None
        self.canvas, self.steering = Canvas(), Steering()
        self._listed = ""  # what the board shows, to change it only when needed

    def connect(self) -> None:
        self.guest = guest = Guest(self.name or "A Browser User")
        guest.tree.multiplayer.connected_to_server.connect(self._on_connected)
        self.begin()
        error = guest.join(self.address)
        if error is not gdpeer.OK:
            self.refuse(guest.peer.get_close_cause().detail or error.name)

    def part(self) -> None:
        if self.guest is not None:
            self.guest.leave()
        self.guest = None
        self._list()

    def _on_connected(self) -> None:
        self.enter()
        by_id("view").focus()

    def tick(self, delta: float) -> None:
        """Polls the connection, steers and draws; called for each frame."""
        guest = self.guest
        if guest is None:
            self.wait()
            return
        guest.steer(self.steering.direction())
        guest.poll()
        if guest is not self.guest:
            return
        if guest.left:
            self.lose(guest.cause.detail)
        elif self.was_in:
            self.canvas.draw(guest, delta)
            self._list()

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


page = Page()
page.open(lambda address: f"gdpeer arena --join {address} --bots 5")
gdpeer.run(page.tick)
