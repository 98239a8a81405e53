extends Node
# The engine's side of bench/replication.py; the counterpart of bench/world.py.
#
#   --port=N
#   --units=N   nodes, spawned for each peer
#   --seen=N    how many of them a peer sees; 0: all
#   --moves=N   1: each node moves in each frame; 0: its state is sent once only

var options := {"port": 0, "units": 200, "seen": 0, "moves": 1}
var units: Array[Node2D] = []
var peers := 0


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		options[word.get_slice("=", 0).trim_prefix("--")] = int(word.get_slice("=", 1))
	Engine.max_fps = 20
	Engine.physics_ticks_per_second = 1
	OS.low_processor_usage_mode = false
	OS.low_processor_usage_mode_sleep_usec = 0
	for number in options.units:
		var unit: Node2D = preload("res://world_unit.tscn").instantiate()
		unit.name = "U%d" % number
		if not options.moves:
			unit.get_node("Sync").replication_interval = 1000.0
		if options.seen:
			unit.get_node("Sync").public_visibility = false
		units.append(unit)
		$Units.add_child(unit)
	multiplayer.peer_connected.connect(show_to)
	var peer := WebSocketMultiplayerPeer.new()
	peer.outbound_buffer_size = 1 << 20
	if peer.create_server(options.port, "127.0.0.1") != OK:
		get_tree().quit(3)
		return
	multiplayer.multiplayer_peer = peer
	print("listening")


func show_to(id: int) -> void:
	var first: int = peers * 10
	peers += 1
	for number in options.seen:
		units[(first + number) % units.size()].get_node("Sync").set_visibility_for(id, true)


func _process(_delta: float) -> void:
	if options.moves:
		for unit in units:
			unit.position += Vector2(1, 0.5)
			unit.rotation = 0.25 - unit.rotation
