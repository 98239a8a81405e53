extends HBoxContainer
# The game. Its path below the root of its API is the same on every side, and so are its seven @rpc methods: over the
# wire they are numbers, by the order of their names.
#
# The host is the first of the players and the only one who decides: it keeps the list and the turn, and tells them.
# The others ask: set_player_name and request_action.

signal logged(line: String)
signal players_changed()
signal turn_changed(id: int)

const ACTIONS := ["roll", "pass"]
const LONGEST := 40  # characters of a name or of an action that somebody sent

@onready var log_view: RichTextLabel = $Log
@onready var list: ItemList = $Side/Players
@onready var action_button: Button = $Side/Action

var crown: Texture2D = preload("res://crown.gd").texture()
var players: Array[Dictionary] = []  # {id, name} in the order of joining; the name is "" until it is known
var turn := 0


func start() -> void:
	set_turn(0)


func stop() -> void:
	players.clear()
	list.clear()
	turn = 0
	action_button.disabled = true


# --- What the host tells

@rpc("authority")
func _log(message: String) -> void:
	show_line(message)


@rpc("authority", "call_local")
func add_player(id: int, player_name: String = "") -> void:
	players.append({"id": id, "name": player_name})
	list.add_item(shown_name(players.size() - 1), null, false)
	players_changed.emit()


@rpc("authority", "call_local")
func update_player_name(player: int, player_name: String) -> void:
	var place := place_of(player)
	if place < 0:
		return
	players[place].name = player_name
	list.set_item_text(place, shown_name(place))
	players_changed.emit()


@rpc("authority", "call_local")
func del_player(id: int) -> void:
	var place := place_of(id)
	if place < 0:
		return
	players.remove_at(place)
	list.remove_item(place)
	if turn > place:
		turn -= 1
	players_changed.emit()
	if multiplayer.is_server():
		set_turn.rpc(turn % players.size())  # the last one may have left in his turn


@rpc("authority", "call_local")
func set_turn(new_turn: int) -> void:
	turn = new_turn
	var player := player_in_turn()
	if player == 0:
		return
	for place in players.size():
		list.set_item_icon(place, crown if place == turn else null)
	action_button.disabled = player != multiplayer.get_unique_id()
	turn_changed.emit(player)


# --- What the others ask

@rpc("any_peer")
func set_player_name(player_name: String) -> void:
	if multiplayer.is_server():
		update_player_name.rpc(multiplayer.get_remote_sender_id(), player_name.left(LONGEST))


@rpc("any_peer")
func request_action(action: String) -> void:
	if not multiplayer.is_server():
		return
	var sender := multiplayer.get_remote_sender_id()
	if sender != player_in_turn():
		tell("Someone is trying to cheat! %d" % sender)
	elif not action in ACTIONS:
		tell("Invalid action: %s" % action.left(LONGEST))
	else:
		do_action(action)
		next_turn()


# --- The host

func on_peer_add(id: int) -> void:
	if not multiplayer.is_server():
		return
	for player in players:
		add_player.rpc_id(id, player.id, player.name)
	add_player.rpc(id)
	set_turn.rpc_id(id, turn)


func on_peer_del(id: int) -> void:
	if multiplayer.is_server():
		del_player.rpc(id)


func do_action(action: String) -> void:
	tell("%s: %ss %d" % [shown_name(turn), action, randi() % 100])


func next_turn() -> void:
	set_turn.rpc((turn + 1) % players.size())


func tell(line: String) -> void:
	_log.rpc(line)
	show_line(line)


# --- Everyone

func act() -> void:
	if not multiplayer.is_server():
		request_action.rpc_id(1, "roll")
	elif turn == 0:
		do_action("roll")
		next_turn()


func player_in_turn() -> int:
	return players[turn].id if turn >= 0 and turn < players.size() else 0


func place_of(id: int) -> int:
	for place in players.size():
		if players[place].id == id:
			return place
	return -1


func shown_name(place: int) -> String:
	return players[place].name if players[place].name != "" else "... connecting ..."


func show_line(line: String) -> void:
	log_view.add_text(line + "\n")
	logged.emit(line)
