"""The server of the coin game. It knows who is there, where the coin lies and who has how many."""

import logging
import random
import sys
import time
from dataclasses import dataclass

from gdpeer import OK, Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc

BOARD = Vector2(640, 480)
SPEED = 200.0  # pixels a second, as in the game
TICK = 0.1  # seconds between two rounds of the server
REACH = 24.0  # pixels: so near the coin is caught
LONGEST_NAME = 16


@dataclass
class Player:
    name: str
    where: Vector2
    score: int = 0
    way: float = SPEED  # pixels that he may go now
    has_moved: bool = False


class Main(Node):
    """The node /root/Main, as in the game's scene. Both sides have the same nine @rpc methods."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.players: dict[int, Player] = {}
        self.coin = BOARD / 2

    # --- What the players call here

    @rpc("any_peer", "reliable")
    def join(self, player_name: str) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        if sender in self.players:
            return
        name = "".join(filter(str.isprintable, player_name))[:LONGEST_NAME]
        player = self.players[sender] = Player(name, a_place())
        self.add_player.rpc(sender, player.name, player.where, player.score)
        self.say.rpc(f"{player.name} joins")

    @rpc("any_peer", "unreliable_ordered")
    def move_to(self, where: Vector2) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        player = self.players.get(sender)
        if player is None:
            return
        way = player.where.distance_to(where)
        if way <= player.way and 0 <= where.x <= BOARD.x and 0 <= where.y <= BOARD.y:
            player.where = where
            player.way -= way
            player.has_moved = True
        else:  # too far, off the board, or not even a number
            self.put_back.rpc_id(sender, player.where)
            print(f"{player.name} is put back", flush=True)

    # --- What this side calls there

    @rpc("authority", "reliable")
    def add_player(self, peer_id: int, player_name: str, where: Vector2, score: int) -> None: ...

    @rpc("authority", "reliable")
    def remove_player(self, peer_id: int) -> None: ...

    @rpc("authority", "unreliable_ordered")
    def move_players(self, places: dict[int, Vector2]) -> None: ...

    @rpc("authority", "reliable")
    def put_back(self, where: Vector2) -> None: ...

    @rpc("authority", "call_local", "reliable")
    def place_coin(self, where: Vector2) -> None:
        self.coin = where

    @rpc("authority", "call_local", "reliable")
    def set_score(self, peer_id: int, score: int) -> None:
        self.players[peer_id].score = score

    @rpc("authority", "call_local", "reliable")
    def say(self, text: str) -> None:
        print(text, flush=True)

    # --- The game

    def welcome(self, peer_id: int) -> None:
        """A game has connected: tell it what there is, before anything else can be told to everybody."""
        for other_id, other in self.players.items():
            self.add_player.rpc_id(peer_id, other_id, other.name, other.where, other.score)
        self.place_coin.rpc_id(peer_id, self.coin)

    def leave(self, peer_id: int) -> None:
        player = self.players.pop(peer_id, None)
        if player is not None:
            self.remove_player.rpc(peer_id)
            self.say.rpc(f"{player.name} leaves")

    def tick(self) -> None:
        """One round: who is at the coin gets it, and everybody learns who has moved."""
        for player in self.players.values():
            player.way = min(SPEED, player.way + SPEED * TICK)
        nearest = min(self.players, key=self.distance, default=0)
        if nearest and self.distance(nearest) <= REACH:
            self.set_score.rpc(nearest, self.players[nearest].score + 1)
            self.place_coin.rpc(a_place())
        places = {peer_id: player.where for peer_id, player in self.players.items() if player.has_moved}
        if places:
            self.move_players.rpc(places)
            for player in self.players.values():
                player.has_moved = False

    def distance(self, peer_id: int) -> float:
        return self.players[peer_id].where.distance_to(self.coin)


def a_place() -> Vector2:
    return Vector2(random.uniform(REACH, BOARD.x - REACH), random.uniform(REACH, BOARD.y - REACH))


def serve(port: int) -> None:
    peer = WebSocketMultiplayerPeer()
    peer.heartbeat_interval = 10
    if peer.create_server(port, "127.0.0.1") != OK:  # "*" lets other machines join
        raise SystemExit(peer.get_listen_error())
    tree = SceneTree()
    tree.multiplayer.multiplayer_peer = peer
    main = Main()
    tree.root.add_child(main)
    tree.multiplayer.peer_connected.connect(main.welcome)
    tree.multiplayer.peer_disconnected.connect(main.leave)

    @tree.multiplayer.call_refused.connect
    def throw_out(peer_id: int, path: str, method: str, reason: str) -> None:
        tree.multiplayer.disconnect_peer(peer_id)  # which does not emit peer_disconnected here
        main.leave(peer_id)

    print(f"The game is at ws://127.0.0.1:{peer.get_local_port()}", flush=True)
    next_tick = time.monotonic() + TICK
    while True:
        tree.poll(timeout=max(0.0, next_tick - time.monotonic()))
        if time.monotonic() >= next_tick:
            main.tick()
            next_tick += TICK


if __name__ == "__main__":
    logging.basicConfig()  # without it nobody reads what gdpeer has to say
    try:
        serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8910)
    except KeyboardInterrupt:
        print("The game is over")
