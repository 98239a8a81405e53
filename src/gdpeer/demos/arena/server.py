"""`ArenaServer`: owns the world of the arena. Moves players by their input, spawns coins, and counts.

Nothing that a player's program sends is trusted: a direction is only a wish, and a name is cleaned.

Layer: `demos`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from gdpeer import (
    Error,
    InterestGrid,
    MultiplayerPeer,
    MultiplayerSynchronizer,
    Node,
    PackedInt32Array,
    PackedStringArray,
    SceneTree,
    Vector2,
    WebSocketMultiplayerPeer,
    http,
)
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.demos.arena.world import PORT, PROTOCOL, REACH, SIZE, Coin, Player, furnish, make_tree

__all__ = ["LONGEST_STEP", "MOST_PLAYERS", "SPEED", "STEP", "ArenaServer"]

STEP = 1 / 30
"""Seconds between two steps of the game; also the default of `SceneMultiplayer.replication_rate`."""
LONGEST_STEP = 0.2
"""After a pause of the process, players move no farther than in this many seconds."""
SPEED = 240.0
"""Units that a player moves in a second."""

SIGHT, MARGIN, CELL = 720.0, 240.0, 120.0
"""How far a player sees; how much farther what is seen stays visible; the side of the grid's cells; in units."""

MOST_PLAYERS = 64
COINS, DEAREST, RIPENING = 80, 5, 12.0
"""Coins in the arena, the most that a coin is worth, and the seconds in which its worth grows by 1."""
LONGEST_TITLE = 16
RANKS = 10
"""Places on the board."""
CALLS, MESSAGES, REFUSED = 20.0, 300.0, 300
"""The most calls, and the most messages, of one peer in a second; the most refused packets in a minute."""
HEARTBEAT = 15.0
"""Seconds between pings: the player of a lost connection disappears after two of them."""


class ArenaServer:
    """The server. Call `listen`, then `poll` in a loop.

    Args:
        log: called with one line for each player who comes or goes.
        clock: tells the time.
        chance: decides where players and coins appear.
        tree: of a room; the hall polls the tree. None makes a tree of its own.
    """

    def __init__(
        self,
        log: Callable[[str], object] = print,
        *,
        clock: Clock = MONOTONIC,
        chance: random.Random | None = None,
        tree: SceneTree | None = None,
    ) -> None:
        self.log = log
        self.tree, self.main = make_tree(clock) if tree is None else (tree, furnish(tree))
        self.grid = InterestGrid(CELL, SIGHT, MARGIN)
        self.players: dict[int, Player] = {}
        self.coins: list[Coin] = []
        self._cells: dict[tuple[int, int], list[Coin]] = {}  # the coins of each square with a side of `REACH`
        self.peer = WebSocketMultiplayerPeer()
        self._clock = clock
        self._chance = chance or random.Random()
        self._made = 0
        self._stepped = self._ripened = clock.now()
        self._is_board_stale = False
        api = self.tree.multiplayer
        api.server_relay = False  # players need not know each other, and so cannot send each other anything
        api.rpc_rate = CALLS
        api.peer_disconnected.connect(self._left)
        self.main.asked.connect(self._asked)

    # ------------------------------------------------------------------------------------------ beginning and end

    def listen(
        self,
        port: int = PORT,
        bind_address: str = "127.0.0.1",
        *,
        pages: http.Handler | None = None,
        origins: Sequence[str] = (),
    ) -> Error:
        """Opens the arena.

        Args:
            port: 0 takes a free port.
            bind_address: the address to listen on; "*" for all addresses.
            pages: serves the web page on the same port, such as `arena.pages.Pages`.
            origins: web pages that may connect besides the arena's own page.

        Returns:
            The result of `WebSocketMultiplayerPeer.create_server`.
        """
        from gdpeer.demos.origins import own_origins  # it needs sockets, which a page has not

        self.peer.supported_protocols = [PROTOCOL]
        self.peer.http_handler = pages
        self.peer.max_peers = 2 * MOST_PLAYERS
        self.peer.message_rate = MESSAGES
        self.peer.max_refused = REFUSED
        self.peer.heartbeat_interval = HEARTBEAT
        error = self.peer.create_server(port, bind_address)
        if error is Error.OK:
            self.peer.allowed_origins = [*own_origins(bind_address, self.peer.get_local_port()), *origins]
            self.open(self.peer)
        return error

    def open(self, peer: MultiplayerPeer) -> None:
        """Begins the game over a server's peer, and places the coins."""
        self.tree.multiplayer.multiplayer_peer = peer
        self.place_coins()

    def place_coins(self) -> None:
        """Fills the arena with coins."""
        while len(self.coins) < COINS:
            self._add_coin()

    def close(self, grace: float = 0.0) -> None:
        """Ends the game, and waits up to `grace` seconds until all players have answered the close."""
        self.tree.multiplayer.multiplayer_peer = None
        self.peer.stop(reason="The arena is closed", grace=grace)

    # ------------------------------------------------------------------------------------------ the game

    def poll(self, timeout: float = 0.0) -> None:
        """Receives and sends all that is due, after waiting up to `timeout` seconds for it; moves the game."""
        due = self._stepped + STEP - self._clock.now()
        self.tree.poll(max(0.0, min(timeout, due)))
        now = self._clock.now()
        if now >= self._stepped + STEP:
            self.step(min(now - self._stepped, LONGEST_STEP))
            self._stepped = now

    def step(self, seconds: float) -> None:
        """Moves players and coins by one step."""
        for peer_id, player in self.players.items():
            direction = steered(player.direction)
            if direction != Vector2.ZERO:
                self._move(peer_id, player, player.position + direction * (SPEED * seconds))
        if self._clock.now() >= self._ripened + RIPENING:
            self._ripen()
        if self._is_board_stale:
            self._show_board()

    def _move(self, peer_id: int, player: Player, position: Vector2) -> None:
        player.position = position.clampf(0.0, SIZE)
        self.grid.move(state_of(player), player.position)
        self.grid.watch(peer_id, player.position)
        for coin in self._within_reach(player.position):
            player.score += coin.worth
            self._remove_coin(coin)
            self._add_coin()
            self._is_board_stale = True

    def _ripen(self) -> None:
        self._ripened = self._clock.now()
        for coin in self.coins:
            coin.worth = min(coin.worth + 1, DEAREST)

    def _show_board(self) -> None:
        self._is_board_stale = False
        best = sorted(self.players.values(), key=lambda player: -player.score)[:RANKS]
        board = self.main.board
        board.titles = PackedStringArray(player.title for player in best)
        board.scores = PackedInt32Array(player.score for player in best)
        board.players = len(self.players)

    # ------------------------------------------------------------------------------------------ coins

    def _place(self) -> Vector2:
        return Vector2(self._chance.uniform(REACH, SIZE - REACH), self._chance.uniform(REACH, SIZE - REACH))

    def _add_coin(self) -> None:
        self._made += 1
        coin = Coin(f"Coin{self._made}")
        coin.position = self._place()
        self.coins.append(coin)
        self._cells.setdefault(cell_of(coin.position), []).append(coin)
        # Before add_child, so that only those who see the coin get its SPAWN.
        self.grid.add(state_of(coin), coin.position)
        self.main.world.add_child(coin)

    def _within_reach(self, position: Vector2) -> list[Coin]:
        x, y = cell_of(position)
        cells = [self._cells.get((x + right, y + down), ()) for right in (-1, 0, 1) for down in (-1, 0, 1)]
        return [coin for cell in cells for coin in cell if coin.position.distance_to(position) <= REACH]

    def _remove_coin(self, coin: Coin) -> None:
        self.coins.remove(coin)
        self._cells[cell_of(coin.position)].remove(coin)
        self.grid.remove(state_of(coin))
        coin.queue_free()

    # ------------------------------------------------------------------------------------------ players

    def _asked(self, peer_id: int, title: str) -> None:
        """Lets a peer play, or changes the player's name."""
        title = cleaned(title) or f"Player {len(self.players) + 1}"
        player = self.players.get(peer_id)
        if player is not None:
            player.title = title
        elif len(self.players) >= MOST_PLAYERS:
            self.main.refused.rpc_id(peer_id, "The arena is full")
        else:
            self._add_player(peer_id, title)
        self._is_board_stale = True

    def _add_player(self, peer_id: int, title: str) -> None:
        player = Player(str(peer_id))
        player.title, player.position = title, self._place()
        self.players[peer_id] = player
        self.grid.add(state_of(player), player.position)
        self.grid.watch(peer_id, player.position)
        self.main.world.add_child(player)
        self.log(f"{title} has come; players: {len(self.players)}")

    def halt(self, peer_id: int) -> None:
        """Makes a player stand still whose program cannot steer now."""
        player = self.players.get(peer_id)
        if player is not None:
            player.direction = Vector2.ZERO

    def _left(self, peer_id: int) -> None:
        player = self.players.pop(peer_id, None)
        if player is None:
            return
        self.grid.unwatch(peer_id)
        self.grid.remove(state_of(player))
        player.queue_free()
        self._is_board_stale = True
        self.log(f"{player.title} has gone; players: {len(self.players)}")


def state_of(node: Node) -> MultiplayerSynchronizer:
    """Returns the synchronizer of what the server says about a node."""
    found = node.get_node("State")
    assert isinstance(found, MultiplayerSynchronizer)
    return found


def cell_of(position: Vector2) -> tuple[int, int]:
    """Returns the square that a position is in."""
    return int(position.x // REACH), int(position.y // REACH)


def steered(direction: Vector2) -> Vector2:
    """Returns a direction from a player's program with a length of at most 1; zero for what is no direction."""
    limited = direction.limit_length(1.0)
    return limited if limited.is_finite() else Vector2.ZERO


def cleaned(title: str) -> str:
    """Returns a name without characters that cannot be shown, and not too long."""
    return " ".join("".join(letter for letter in title if letter.isprintable()).split())[:LONGEST_TITLE]
