# Joins the server of --url=, and calls each method that the server may be asked for, once.
extends Node

const Tell := preload("res://tell.gd")


func _ready() -> void:
	rpc_config("kick", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER, "call_local": false})
	multiplayer.connected_to_server.connect(call_all)
	multiplayer.server_disconnected.connect(get_tree().quit)
	multiplayer.connection_failed.connect(get_tree().quit.bind(1))
	for word in OS.get_cmdline_user_args():
		if word.begins_with("--url="):
			var peer := WebSocketMultiplayerPeer.new()
			peer.create_client(word.trim_prefix("--url="))
			multiplayer.multiplayer_peer = peer


func call_all() -> void:
	hello.rpc_id(1, "Godot")
	rpc_id(1, "kick", 7)
	var main := get_node("/root/Main")
	main.state_changed.rpc_id(1, 4)
	main.rpc_id(1, "import", 1.5)
	main.rpc_id(1, "größe", null)
	main.rpc_id(1, "__secret", 3)
	main.rpc_id(1, "_leave", 1, "two")
	main.get_node("World/Chat").say.rpc_id(1, &"hi", 1)
	main.get_node("World/Hud").clicked.rpc_id(1, Vector2(3, 4), {"a": [1, 2]}, [5, 6])


@rpc("any_peer") func hello(title: String, at: Vector2 = Vector2(1, 2)) -> void:
	Tell.heard(self, "hello", [title, at])


@rpc
func started(at: int, node: NodePath = ^"Main", world := Transform3D.IDENTITY) -> void:
	Tell.heard(self, "started", [at, node, world])


func kick(id: int) -> void:
	Tell.heard(self, "kick", [id])
