extends MarginContainer
# One player's window: who meets whom. The game itself is Panel/VBoxContainer/Game.

signal joined(id: int)
signal left(reason: String)

const PROTOCOL := "ludus"

@onready var name_field: LineEdit = $Panel/VBoxContainer/Naming/Name
@onready var host_button: Button = $Panel/VBoxContainer/Meeting/Host
@onready var connect_button: Button = $Panel/VBoxContainer/Meeting/Connect
@onready var disconnect_button: Button = $Panel/VBoxContainer/Meeting/Disconnect
@onready var host_field: LineEdit = $Panel/VBoxContainer/Meeting/Hostname
@onready var game = $Panel/VBoxContainer/Game
@onready var message: AcceptDialog = $Message

const PARTING_LIMIT := 1.0  # seconds for the host to answer a goodbye

var port := 8080
var peer: WebSocketMultiplayerPeer
var parting: WebSocketMultiplayerPeer
var parting_age := 0.0


func _ready() -> void:
	name_field.text = user_name(name_field.text)
	multiplayer.peer_connected.connect(game.on_peer_add)
	multiplayer.peer_disconnected.connect(game.on_peer_del)
	multiplayer.connected_to_server.connect(_connected)
	multiplayer.connection_failed.connect(close.bind("connection failed"))
	multiplayer.server_disconnected.connect(close.bind("server gone"))


func _process(delta: float) -> void:
	if parting == null:
		return
	parting.poll()
	parting_age += delta
	if parting.get_connection_status() == MultiplayerPeer.CONNECTION_DISCONNECTED or parting_age > PARTING_LIMIT:
		parting = null
		left.emit("left")


func user_name(otherwise: String) -> String:
	for found in [OS.get_environment("USERNAME"), OS.get_environment("HOME").get_file()]:
		if found != "":
			return found
	return otherwise


# --- Session

func host() -> Error:
	prepare()
	var problem := peer.create_server(port)
	if problem != OK:
		game.show_line("Unable to host on port %d: %s" % [port, error_string(problem)])
		return problem
	multiplayer.multiplayer_peer = peer
	joined.emit(1)
	game.add_player(1, name_field.text)
	start()
	return OK


func join(url: String) -> Error:
	prepare()
	var problem := peer.create_client(url)
	if problem != OK:
		game.show_line("Unable to connect to %s: %s" % [url, error_string(problem)])
		return problem
	multiplayer.multiplayer_peer = peer
	start()
	return OK


func prepare() -> void:
	multiplayer.multiplayer_peer = null
	peer = WebSocketMultiplayerPeer.new()
	peer.supported_protocols = PackedStringArray([PROTOCOL, "gdpeer"]) # gdpeer: a server with many rooms


func leave() -> void:
	if parting != null:
		return
	if multiplayer.is_server() or peer.get_connection_status() != MultiplayerPeer.CONNECTION_CONNECTED:
		close("left")
		return
	# A client says goodbye: a host that writes to one who is just gone prints an error.
	multiplayer.multiplayer_peer = null
	peer.disconnect_peer(1)
	parting = peer
	parting_age = 0.0
	stop()


func _connected() -> void:
	joined.emit(multiplayer.get_unique_id())
	game.set_player_name.rpc(name_field.text)


func close(reason: String) -> void:
	multiplayer.multiplayer_peer = null
	peer.close()
	stop()
	left.emit(reason)


# --- Window

func start() -> void:
	show_in_session(true)
	game.start()


func stop() -> void:
	show_in_session(false)
	game.stop()
	var middle := get_global_rect().get_center()
	message.popup(Rect2i(Vector2i(middle) - message.size / 2, message.size))


func show_in_session(inside: bool) -> void:
	name_field.editable = not inside
	host_field.editable = not inside
	host_button.disabled = inside
	connect_button.visible = not inside
	disconnect_button.visible = inside


func _on_connect_pressed() -> void:
	join("ws://%s:%d" % [host_field.text, port])
