extends VBoxContainer
# A chat. After -- on the command line: the address of the server, and --test (enters, says something, and quits).

const SERVER := "ws://127.0.0.1:8910"

@onready var history: RichTextLabel = $Log
@onready var input: LineEdit = $Text

var own_name := ""


func _ready() -> void:
	var url := SERVER
	for word in OS.get_cmdline_user_args():
		if word.begins_with("ws"):
			url = word
	input.text_submitted.connect(_on_text)
	multiplayer.connected_to_server.connect(_on_connected)
	multiplayer.connection_failed.connect(_show.bind("There is no server at %s." % url))
	multiplayer.server_disconnected.connect(_show.bind("The server has gone."))
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url)
	multiplayer.multiplayer_peer = peer


func _on_connected() -> void:
	_show("What is your name?")
	input.grab_focus()
	if "--test" in OS.get_cmdline_user_args():
		_on_text("Godot")
		_on_text("Hello!")


func _on_text(text: String) -> void:
	input.clear()
	if own_name.is_empty():
		own_name = text
		input.placeholder_text = "Say something"
		enter.rpc_id(1, text)
	else:
		say.rpc_id(1, text)


func _show(text: String) -> void:
	history.add_text(text + "\n")
	print(text)


# --- Methods that run on the server

@rpc("any_peer", "reliable")
func enter(_wanted: String) -> void:
	pass


@rpc("any_peer", "reliable")
func say(_text: String) -> void:
	pass


# --- The method that the server calls here

@rpc("authority", "reliable")
func hear(who: String, text: String) -> void:
	_show(text if who.is_empty() else "%s: %s" % [who, text])
	if "--test" in OS.get_cmdline_user_args() and text == "Hello!":
		get_tree().quit()
