extends MarginContainer
# One player's window: who meets whom. The game itself is Panel/VBoxContainer/Game.

signal joined(id)
signal left(reason)

const PROTOCOL = "ludus"

onready var name_field = $Panel/VBoxContainer/Naming/Name
onready var host_button = $Panel/VBoxContainer/Meeting/Host
onready var connect_button = $Panel/VBoxContainer/Meeting/Connect
onready var disconnect_button = $Panel/VBoxContainer/Meeting/Disconnect
onready var host_field = $Panel/VBoxContainer/Meeting/Hostname
onready var game = $Panel/VBoxContainer/Game
onready var message = $Message

const PARTING_LIMIT = 1.0  # seconds for the host to answer a goodbye

var port = 8080
var peer
var parting
var parting_age = 0.0
var was_connected = false


func _ready():
	name_field.text = user_name(name_field.text)
	multiplayer.connect("network_peer_connected", game, "on_peer_add")
	multiplayer.connect("network_peer_disconnected", game, "on_peer_del")
	multiplayer.connect("connected_to_server", self, "_connected")
	# A client that loses its server gets the signal of a failed connection, too.
	multiplayer.connect("connection_failed", self, "_failed")
	multiplayer.connect("server_disconnected", self, "close", ["server gone"])


func _process(delta):
	if multiplayer.has_network_peer():
		multiplayer.poll()  # the tree polls its own API only
	# A client that writes to a server that has just gone is told nothing of its end.
	if multiplayer.has_network_peer() and peer is WebSocketClient and was_connected \
			and peer.get_connection_status() == NetworkedMultiplayerPeer.CONNECTION_DISCONNECTED:
		_failed()
	if parting == null:
		return
	parting.poll()
	parting_age += delta
	if parting.get_connection_status() == NetworkedMultiplayerPeer.CONNECTION_DISCONNECTED or parting_age > PARTING_LIMIT:
		parting = null
		emit_signal("left", "left")


func user_name(otherwise):
	for found in [OS.get_environment("USERNAME"), OS.get_environment("HOME").get_file()]:
		if found != "":
			return found
	return otherwise


# --- Session

func host():
	multiplayer.set_network_peer(null)
	peer = WebSocketServer.new()
	var problem = peer.listen(port, [PROTOCOL], true)
	if problem != OK:
		game.show_line("Unable to host on port %d: error %d" % [port, problem])
		return problem
	multiplayer.set_network_peer(peer)
	emit_signal("joined", 1)
	game.add_player(1, name_field.text)
	start()
	return OK


func join(url):
	multiplayer.set_network_peer(null)
	was_connected = false
	peer = WebSocketClient.new()
	var problem = peer.connect_to_url(url, [PROTOCOL], true)
	if problem != OK:
		game.show_line("Unable to connect to %s: error %d" % [url, problem])
		return problem
	multiplayer.set_network_peer(peer)
	start()
	return OK


func leave():
	if parting != null:
		return
	if peer is WebSocketServer:
		peer.stop()
	if peer.get_connection_status() != NetworkedMultiplayerPeer.CONNECTION_CONNECTED:
		close("left")
		return
	# A client says goodbye: a host that writes to one who is just gone prints an error.
	multiplayer.set_network_peer(null)
	peer.disconnect_from_host()
	parting = peer
	parting_age = 0.0
	stop()


func _connected():
	was_connected = true
	emit_signal("joined", multiplayer.get_network_unique_id())
	game.rpc("set_player_name", name_field.text)


func _failed():
	close("server gone" if was_connected else "connection failed")


func close(reason):
	multiplayer.set_network_peer(null)
	stop()
	emit_signal("left", reason)


# --- Window

func start():
	show_in_session(true)
	game.start()


func stop():
	show_in_session(false)
	game.stop()
	var size = message.get_combined_minimum_size()
	message.popup(Rect2(get_global_rect().get_center() - size / 2, size))


func show_in_session(inside):
	name_field.editable = not inside
	host_field.editable = not inside
	host_button.disabled = inside
	connect_button.visible = not inside
	disconnect_button.visible = inside


func _on_connect_pressed():
	join("ws://%s:%d" % [host_field.text, port])
