from gdpeer import OK, Vector2, WebSocketServer, godot3


class Main(godot3.Node):
    score = godot3.puppet.var(0)  # the server sets it everywhere

    @godot3.master  # what any client may call here
    def greet(self, name: str, where: Vector2) -> None:
        sender = self.multiplayer.get_rpc_sender_id()
        self.welcome.rpc_id(sender, f"hello {name}")  # there
        self.welcome.rpc(f"{name} is at {where}")  # everywhere, and here too (puppetsync)
        self.score += 1
        self.rset("score", self.score)

    @godot3.puppetsync
    def welcome(self, text: str) -> None:
        print(text)


server = WebSocketServer()
server.bind_ip = "127.0.0.1"
if server.listen(8910, gd_mp_api=True) != OK:  # a client: WebSocketClient, connect_to_url(url, gd_mp_api=True)
    raise SystemExit(server.get_listen_error())
tree = godot3.SceneTree()
tree.multiplayer.network_peer = server
tree.root.add_child(Main(name="Main"))  # /root/Main, as in the engine
tree.multiplayer.network_peer_connected.connect(lambda peer_id: print("joined", peer_id))
tree.multiplayer.network_peer_disconnected.connect(lambda peer_id: print("left", peer_id))
while True:
    tree.poll(timeout=0.05)
