extends Node2D
# The coin game as a player sees it. The server is server.py.
#
# After -- on the command line: --url=ws://HOST:PORT, --name=NAME, --auto (walks to the coins by itself),
# --points=N (quits at so many), --cheat=jump and --cheat=score (tries it once).

const BOARD := Vector2(640, 480)
const SPEED := 200.0  # pixels a second
const SEND_EVERY := 0.1  # seconds

@export var url := "ws://127.0.0.1:8910"
@export var player_name := "Godot"

@onready var coin: ColorRect = $Coin
@onready var players: Node2D = $Players
@onready var message: Label = $Message

var options := {}
var own_id := 0
var since_sent := 0.0


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		var parts := word.trim_prefix("--").split("=")
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	multiplayer.connected_to_server.connect(on_connected)
	multiplayer.connection_failed.connect(stop.bind("There is no server."))
	multiplayer.server_disconnected.connect(stop.bind("The server has gone."))
	var peer := WebSocketMultiplayerPeer.new()
	if peer.create_client(options.get("url", url)) != OK:
		stop("Not an address.")
		return
	multiplayer.multiplayer_peer = peer


func on_connected() -> void:
	own_id = multiplayer.get_unique_id()
	join.rpc_id(1, options.get("name", player_name))


func stop(text: String) -> void:
	show_message(text)
	set_process(false)
	if "auto" in options:
		get_tree().quit()


# --- What the players call at the server. It needs their names here, and what they do there.

@rpc("any_peer", "reliable")
func join(_player_name: String) -> void:
	pass


@rpc("any_peer", "unreliable_ordered")
func move_to(_where: Vector2) -> void:
	pass


# --- What the server calls here

@rpc("authority", "reliable")
func add_player(id: int, new_name: String, where: Vector2, score: int) -> void:
	var body := ColorRect.new()
	body.name = str(id)
	body.size = Vector2(16, 16)
	body.position = where
	body.color = Color.DEEP_SKY_BLUE if id == own_id else Color.TOMATO
	body.set_meta("player", new_name)
	var label := Label.new()
	label.name = "Label"
	label.position = Vector2(20, -4)
	body.add_child(label)
	players.add_child(body)
	set_score(id, score)
	show_message("%s is here" % new_name)


@rpc("authority", "reliable")
func remove_player(id: int) -> void:
	body_of(id).free()


@rpc("authority", "unreliable_ordered")
func move_players(places: Dictionary) -> void:
	for id: int in places:
		if id != own_id:  # one's own way is one's own affair
			body_of(id).position = places[id]


@rpc("authority", "reliable")
func put_back(where: Vector2) -> void:
	body_of(own_id).position = where


@rpc("authority", "call_local", "reliable")
func place_coin(where: Vector2) -> void:
	coin.position = where


@rpc("authority", "call_local", "reliable")
func set_score(id: int, score: int) -> void:
	var body := body_of(id)
	body.get_node("Label").text = "%s %d" % [body.get_meta("player"), score]
	if score > 0:
		show_message(body.get_node("Label").text)
	if id == own_id and str(score) == options.get("points"):
		multiplayer.multiplayer_peer = null
		stop("That is enough.")


@rpc("authority", "call_local", "reliable")
func say(text: String) -> void:
	show_message(text)


# --- The player

func _process(delta: float) -> void:
	var body := body_of(own_id)
	if body == null:
		return
	body.position = (body.position + direction() * SPEED * delta).clamp(Vector2.ZERO, BOARD)
	since_sent += delta
	if since_sent < SEND_EVERY:
		return
	since_sent = 0.0
	cheat()
	move_to.rpc_id(1, body.position)


func direction() -> Vector2:
	if not "auto" in options:
		return Input.get_vector("ui_left", "ui_right", "ui_up", "ui_down")
	var way := coin.position - body_of(own_id).position
	return way.normalized() if way.length() > 4.0 else Vector2.ZERO


func cheat() -> void:
	var kind: String = options.get("cheat", "")
	options.erase("cheat")
	if kind == "jump":
		var body := body_of(own_id)
		body.position.x = fposmod(body.position.x + BOARD.x / 2, BOARD.x)
	elif kind == "score":
		set_score.rpc_id(1, own_id, 1000)


func body_of(id: int) -> ColorRect:
	return players.get_node_or_null(str(id))


func show_message(text: String) -> void:
	message.text = text
	print(text)
