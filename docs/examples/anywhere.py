from gdpeer import OK, Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc, run


class Main(Node):
    @rpc("any_peer")
    def greet(self, name: str, where: Vector2) -> None:
        """Runs on the server."""

    @rpc("authority", "call_local", "reliable")
    def welcome(self, text: str) -> None:
        print(text)


peer = WebSocketMultiplayerPeer()
if peer.create_client("ws://127.0.0.1:8910") != OK:
    raise SystemExit("Unable to connect")
tree = SceneTree()
tree.multiplayer.multiplayer_peer = peer
main = Main(name="Main")
tree.root.add_child(main)
tree.multiplayer.connected_to_server.connect(lambda: main.greet.rpc_id(1, "Ann", Vector2(1, 2)))
tree.multiplayer.server_disconnected.connect(lambda: print("The end:", peer.get_close_cause()))


def tick(delta: float) -> bool:
    tree.poll()
    return peer.get_connection_status() != peer.CONNECTION_DISCONNECTED


run(tick)  # the last line: in a page it returns at once, and the loop goes on beside the page
