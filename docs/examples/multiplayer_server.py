from gdpeer import OK, Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc

class Main(Node):
    @rpc("any_peer")                                   # what any client may call here
    def greet(self, name: str, where: Vector2) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        self.welcome.rpc_id(sender, f"hello {name}")   # there
        self.welcome.rpc(f"{name} is at {where}")      # everywhere, and here too (call_local)

    @rpc("authority", "call_local", "reliable")
    def welcome(self, text: str) -> None:
        print(text)

peer = WebSocketMultiplayerPeer()
if peer.create_server(8910, "127.0.0.1") != OK:        # a client: peer.create_client("ws://127.0.0.1:8910")
    raise SystemExit("Unable to listen")
tree = SceneTree()
tree.multiplayer.multiplayer_peer = peer
tree.root.add_child(Main(name="Main"))                 # /root/Main, as in the engine
tree.multiplayer.peer_connected.connect(lambda peer_id: print("joined", peer_id))
tree.multiplayer.peer_disconnected.connect(lambda peer_id: print("left", peer_id))
while True:
    tree.poll(timeout=0.05)
