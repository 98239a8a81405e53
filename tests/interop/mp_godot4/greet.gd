extends Node
# The other side of multiplayer_server.py (README) and multiplayer_client.py (docs/rpc.md).
#
#   --url=ws://…  joins and greets    --port=N  hosts

var peer := WebSocketMultiplayerPeer.new()


@rpc("any_peer")
func greet(who: String, where: Vector2) -> void:
	event("greeted", {"from": multiplayer.get_remote_sender_id(), "name": who, "where": [where.x, where.y]})
	welcome.rpc_id(multiplayer.get_remote_sender_id(), "hello " + who)


@rpc("authority", "call_local", "reliable")
func welcome(text: String) -> void:
	event("welcome", {"from": multiplayer.get_remote_sender_id(), "text": text})


func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what}.merged(fields)))


func _ready() -> void:
	var word := OS.get_cmdline_user_args()[0]
	var value := word.get_slice("=", 1)
	var problem := peer.create_client(value) if word.begins_with("--url") else peer.create_server(int(value), "127.0.0.1")
	if problem != OK:
		get_tree().quit(3)
		return
	multiplayer.multiplayer_peer = peer
	multiplayer.connected_to_server.connect(func(): greet.rpc_id(1, "Gerda", Vector2(1.5, -2)))
	multiplayer.server_disconnected.connect(func(): event("server_disconnected"))
	multiplayer.peer_disconnected.connect(func(id): event("left", {"id": id}))
	event("ready")
