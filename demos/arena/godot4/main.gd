extends Node2D
# The client of the arena: connects, asks for a player, and steers it with the arrow keys.
# Options, after --: see ../README.md and robot.gd.

signal left(reason: String)

const SIZE := 2400.0
const PROTOCOL := "gdpeer-arena"

var title := OS.get_environment("USER")


func _ready() -> void:
	multiplayer.connected_to_server.connect(func() -> void: enter.rpc_id(1, title))
	multiplayer.connection_failed.connect(func() -> void: leave("connection failed"))
	multiplayer.server_disconnected.connect(func() -> void: leave("server gone"))
	if not $Robot.is_active():
		join("ws://localhost:8082")


func join(url: String) -> Error:
	var peer := WebSocketMultiplayerPeer.new()
	peer.supported_protocols = PackedStringArray([PROTOCOL, "gdpeer"]) # gdpeer: a server with many rooms
	var error := peer.create_client(url)
	if error == OK:
		multiplayer.multiplayer_peer = peer
	return error


func leave(reason: String) -> void:
	multiplayer.multiplayer_peer = null
	left.emit(reason)


# The server's side of this method lets the player in.
@rpc("any_peer")
func enter(_title: String) -> void:
	pass


@rpc("authority")
func refused(reason: String) -> void:
	leave(reason)


func own_player() -> Node2D:
	return $World.get_node_or_null(str(multiplayer.get_unique_id())) if multiplayer.has_multiplayer_peer() else null


func _process(_delta: float) -> void:
	var player := own_player()
	if player == null:
		return
	if not $Robot.is_active():
		player.direction = Input.get_vector("ui_left", "ui_right", "ui_up", "ui_down")
	get_viewport().canvas_transform.origin = get_viewport_rect().size / 2.0 - player.position


func _draw() -> void:
	draw_rect(Rect2(0.0, 0.0, SIZE, SIZE), Color(0.13, 0.16, 0.2))
