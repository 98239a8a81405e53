extends VBoxContainer
# Rooms with a lobby. After -- on the command line: the address of the server, and --test (enters a room, says something,
# and quits).

const SERVER := "ws://127.0.0.1:8910"

@onready var history: RichTextLabel = $Log
@onready var input: LineEdit = $Text

var server := SERVER
var is_in := false


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		if word.begins_with("ws"):
			server = word
	input.text_submitted.connect(_on_text)
	multiplayer.connected_to_server.connect(_on_connected)
	multiplayer.connection_failed.connect(_show.bind("The room does not answer."))
	multiplayer.server_disconnected.connect(_on_closed)
	if "--test" in OS.get_cmdline_user_args():
		_on_text("")
	else:
		_show("Type the code of a room, or press Enter for any room.")


func _on_text(text: String) -> void:
	input.clear()
	if is_in:
		say.rpc_id(1, text)
	else:
		_ask_lobby("arena/quick" if text.is_empty() else "join/%s" % text.strip_edges().uri_encode())


# Asks the lobby for a seat: a URL with which the game may enter the room.
func _ask_lobby(path: String) -> void:
	var request := HTTPRequest.new()
	add_child(request)
	var url := "%s/lobby/%s" % ["http" + server.trim_prefix("ws"), path]
	request.request(url, ["Content-Type: application/json"], HTTPClient.METHOD_POST, "{}")
	var answer: Array = await request.request_completed
	request.queue_free()
	var found: Variant = JSON.parse_string(answer[3].get_string_from_utf8())
	if not found is Dictionary:
		_show("There is no server at %s." % server)
	elif answer[1] >= 300:
		_show("No seat: %s" % found["message"])
	else:
		_enter(found["url"])


func _enter(url: String) -> void:
	_show("You are in the room %s." % url.get_slice("/room/", 1).get_slice("?", 0))
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url)
	multiplayer.multiplayer_peer = peer


func _on_connected() -> void:
	is_in = true
	input.placeholder_text = "Say something"
	if "--test" in OS.get_cmdline_user_args():
		say.rpc_id(1, "Hello!")


func _on_closed() -> void:
	is_in = false
	input.placeholder_text = ""
	_show("The room has closed. Type the code of another one.")


func _show(text: String) -> void:
	history.add_text(text + "\n")
	print(text)


# --- The method that runs on the server

@rpc("any_peer", "reliable")
func say(_text: String) -> void:
	pass


# --- The method that the server calls here

@rpc("authority", "reliable")
func hear(sender: int, text: String) -> void:
	_show(text if sender == 0 else "%d: %s" % [sender, text])
	if "--test" in OS.get_cmdline_user_args() and text == "Hello!":
		get_tree().quit()
