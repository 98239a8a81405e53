extends Node2D
# Squares that run about. After -- on the command line: the address of the server, and --test (runs to the right, and
# quits).

const SERVER := "ws://127.0.0.1:8910"

@onready var text: Label = $Text

var direction := Vector2.ZERO


func _ready() -> void:
	var url := SERVER
	for word in OS.get_cmdline_user_args():
		if word.begins_with("ws"):
			url = word
	multiplayer.connected_to_server.connect(_show.bind("Run with the arrow keys."))
	multiplayer.connection_failed.connect(_show.bind("There is no server at %s." % url))
	multiplayer.server_disconnected.connect(_show.bind("The server has gone."))
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url)
	multiplayer.multiplayer_peer = peer


func _show(words: String) -> void:
	text.text = words
	print(words)


func _process(_delta: float) -> void:
	if multiplayer.multiplayer_peer.get_connection_status() != MultiplayerPeer.CONNECTION_CONNECTED:
		return
	var is_test := "--test" in OS.get_cmdline_user_args()
	var wanted := Vector2.RIGHT if is_test else Input.get_vector("ui_left", "ui_right", "ui_up", "ui_down")
	if wanted != direction:
		direction = wanted
		steer.rpc_id(1, direction)
	var own := $Players.get_node_or_null(str(multiplayer.get_unique_id())) as Node2D
	if is_test and own != null and own.position.x > 400:
		_show("ran to %d" % own.position.x)
		get_tree().quit()


# --- The method that runs on the server

@rpc("any_peer", "unreliable_ordered")
func steer(_direction: Vector2) -> void:
	pass
