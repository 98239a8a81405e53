"""The other side of the multiplayer cases: servers in Python, one for each dialect.

python -m tests.backends.mp_server      prints their ports: Godot 4's, then Godot 3's
"""

from __future__ import annotations

from gdpeer import OK, SceneTree, WebSocketMultiplayerPeer, WebSocketServer, godot3
from tests.backends.dialect_cases import Box
from tests.support.mp_nodes import Child, Main


def main() -> None:
    peer, tree, node = WebSocketMultiplayerPeer(), SceneTree(), Main("Main")
    node.add_child(Child("Child"))
    tree.root.add_child(node)
    assert peer.create_server(0, "127.0.0.1") is OK, peer.get_listen_error()
    tree.multiplayer.multiplayer_peer = peer
    server, old_tree = WebSocketServer(), godot3.SceneTree()
    server.bind_ip = "127.0.0.1"
    assert server.listen(0, gd_mp_api=True) is OK, server.get_listen_error()
    old_tree.multiplayer.network_peer = server
    old_tree.root.add_child(Box())
    print(peer.get_local_port(), server.get_local_port(), flush=True)
    while True:
        tree.poll(timeout=0.005)
        old_tree.poll()


if __name__ == "__main__":
    main()
