"""gdpeer's server for `bench.engine`, written as a user would write it; bench/engine_project/server.gd is the same.

python -m bench.arena PORT
"""

from __future__ import annotations

import sys

from gdpeer import OK, Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc


class Arena(Node):
    """Answers each call with the same arguments."""

    @rpc("any_peer", "reliable")
    def echo(self, number: int, at: Vector2) -> None:
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), number, at)

    @rpc("authority", "reliable")
    def answer(self, number: int, at: Vector2) -> None:
        """Does nothing here; the client has this method."""


def main() -> None:
    peer = WebSocketMultiplayerPeer()
    tree = SceneTree()
    tree.root.add_child(Arena())
    if peer.create_server(int(sys.argv[1]), "127.0.0.1") != OK:
        raise SystemExit(peer.get_listen_error())
    tree.multiplayer.multiplayer_peer = peer
    print("listening", flush=True)
    while True:
        tree.poll(timeout=1.0)


if __name__ == "__main__":
    main()
