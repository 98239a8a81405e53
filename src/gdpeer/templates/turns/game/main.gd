extends VBoxContainer
# Noughts and crosses. After -- on the command line: the address of the server, and --test (plays one game, and quits).

const SERVER := "ws://127.0.0.1:8910"

@onready var text: Label = $Text
@onready var board: GridContainer = $Board

var own_id := 0


func _ready() -> void:
	var url := SERVER
	for word in OS.get_cmdline_user_args():
		if word.begins_with("ws"):
			url = word
	for cell in 9:
		var button := Button.new()
		button.custom_minimum_size = Vector2(120, 120)
		button.pressed.connect(func() -> void: play.rpc_id(1, cell))
		board.add_child(button)
	($Again as Button).pressed.connect(func() -> void: again.rpc_id(1))
	multiplayer.connected_to_server.connect(func() -> void: own_id = multiplayer.get_unique_id())
	multiplayer.connection_failed.connect(_show.bind("There is no server at %s." % url))
	multiplayer.server_disconnected.connect(_show.bind("The server has gone."))
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url)
	multiplayer.multiplayer_peer = peer


func _show(words: String) -> void:
	text.text = words
	print(words)


# --- Methods that run on the server

@rpc("any_peer", "reliable")
func play(_cell: int) -> void:
	pass


@rpc("any_peer", "reliable")
func again() -> void:
	pass


# --- The method that the server calls here

@rpc("authority", "reliable")
func show_board(cells: Array, turn: int, words: String) -> void:
	for cell in 9:
		var button := board.get_child(cell) as Button
		button.text = "" if cells[cell] == 0 else ("Me" if cells[cell] == own_id else "You")
		button.disabled = turn != own_id or cells[cell] != 0
	if words.is_empty():
		words = "It is your turn" if turn == own_id else "Wait for the other player"
	_show(words)
	if "--test" in OS.get_cmdline_user_args():
		_play_by_itself(cells, turn, words)


func _play_by_itself(cells: Array, turn: int, words: String) -> void:
	if turn == own_id:
		play.rpc_id(1, cells.find(0))
	elif words.ends_with("wins"):
		get_tree().quit()
