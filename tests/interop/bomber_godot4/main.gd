extends Node
# A lobby by RPC, then a world: players from a spawner's list, inputs of each player, bombs by spawn_function, a score.
#
#   --name=… --url=ws://…               joins a game
#   --name=… --port=… --others=NUMBER   hosts one, which begins once so many others have told their names

var peer := WebSocketMultiplayerPeer.new()
var options := {}
var names := {}


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		options[word.get_slice("=", 0)] = word.get_slice("=", 1)
	multiplayer.peer_connected.connect(func(id: int) -> void: register.rpc_id(id, options["--name"]))
	multiplayer.peer_disconnected.connect(func(_id: int) -> void: if multiplayer.is_server(): get_tree().quit())
	multiplayer.server_disconnected.connect(get_tree().quit)
	if "--url" in options:
		peer.create_client(options["--url"])
	else:
		peer.create_server(int(options["--port"]), "127.0.0.1")
	multiplayer.multiplayer_peer = peer
	event("ready")


@rpc("any_peer") func register(title: String) -> void:
	names[multiplayer.get_remote_sender_id()] = title
	event("lobby", {"title": title})
	if multiplayer.is_server() and not has_node("World") and names.size() == int(options["--others"]):
		start()


# Another round, with new nodes at the same paths.
@rpc("any_peer") func again() -> void:
	$World.free()
	unload_world.rpc()
	start()


@rpc("call_local") func load_world() -> void:
	add_child(load("res://world.tscn").instantiate())


func start() -> void:
	load_world.rpc()
	names[1] = options["--name"]
	for id: int in names:
		var player := load("res://player.tscn").instantiate() as Node2D
		player.name = str(id)
		player.title = names[id]
		player.position = Vector2(0, 10)
		$World/Players.add_child(player)


@rpc func unload_world() -> void:
	$World.free()


static func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what}.merged(fields)))
