# Joins the server of --url=, and calls each method that the server may be asked for, once.
extends Node

const Tell = preload("res://tell.gd")

var client = WebSocketClient.new()


func _ready():
	get_tree().connect("connected_to_server", self, "call_all")
	get_tree().connect("connection_failed", get_tree(), "quit")
	get_tree().connect("server_disconnected", get_tree(), "quit")
	for word in OS.get_cmdline_args():
		if word.begins_with("--url="):
			client.connect_to_url(word.trim_prefix("--url="), [], true)
			get_tree().network_peer = client


func call_all():
	rpc_id(1, "hello", "Godot")
	var main = get_node("/root/Main")
	main.rpc_id(1, "state_changed", 4)
	main.rpc_id(1, "import", 1.5)
	main.rset_id(1, "score", 7)
	main.get_node("World/Chat").rpc_id(1, "say", "hi", PoolIntArray([1, 2]))


remote func hello(title: String, at: Vector2 = Vector2(1, 2)) -> void:
	Tell.heard(self, "hello", [title, at])


puppet func started(at: int, turn: Quat = Quat()) -> void:
	Tell.heard(self, "started", [at, turn])
