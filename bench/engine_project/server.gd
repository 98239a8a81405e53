extends Node
# The engine's side of bench/engine.py: answers each call with the same arguments; the counterpart of bench/arena.py.
#
#   --port=N
#   --fps=N     frames a second; 0: as many as it can
#   --sleep=N   microseconds of sleep in a frame; a headless engine takes its 6,900 even without low-processor mode

var options := {"port": 0, "fps": 0, "sleep": 6900}


@rpc("any_peer", "reliable")
func echo(number: int, at: Vector2) -> void:
	answer.rpc_id(multiplayer.get_remote_sender_id(), number, at)


@rpc("authority", "reliable")
func answer(_number: int, _at: Vector2) -> void:
	pass


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		options[word.get_slice("=", 0).trim_prefix("--")] = int(word.get_slice("=", 1))
	Engine.max_fps = options.fps
	Engine.physics_ticks_per_second = 1
	OS.low_processor_usage_mode = false
	OS.low_processor_usage_mode_sleep_usec = options.sleep
	var peer := WebSocketMultiplayerPeer.new()
	if peer.create_server(options.port, "127.0.0.1") != OK:
		get_tree().quit(3)
		return
	multiplayer.multiplayer_peer = peer
	print("listening")
