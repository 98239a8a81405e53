extends HBoxContainer
# The game. Its path below the root of its API is the same on every side, and so are the names of its methods.
#
# The host is the first of the players and the only one who decides: it keeps the list and the turn, and tells them.
# The others ask: set_player_name and request_action. Godot 3 lets anyone call a remotesync method (its servers pass on
# what a client sends to another), so these look at the sender themselves.

signal logged(line)
signal players_changed()
signal turn_changed(id)

const ACTIONS = ["roll", "pass"]
const LONGEST = 40  # characters of a name or of an action that somebody sent

onready var log_view = $Log
onready var list = $Side/Players
onready var action_button = $Side/Action

var crown = preload("res://crown.gd").texture()
var players = []  # {id, name} in the order of joining; the name is "" until it is known
var turn = 0


func start():
	randomize()
	set_turn(0)


func stop():
	players.clear()
	list.clear()
	turn = 0
	action_button.disabled = true


# --- What the host tells

func is_from_host():
	return multiplayer.get_rpc_sender_id() in [0, 1]  # 0: not called from afar


remotesync func _log(message):
	if is_from_host():
		show_line(str(message))


remotesync func add_player(id, player_name = ""):
	if not is_from_host():
		return
	players.append({"id": id, "name": player_name})
	list.add_item(shown_name(players.size() - 1), null, false)
	emit_signal("players_changed")


remotesync func update_player_name(player, player_name):
	var place = place_of(player)
	if place < 0 or not is_from_host():
		return
	players[place].name = player_name
	list.set_item_text(place, shown_name(place))
	emit_signal("players_changed")


remotesync func del_player(id):
	var place = place_of(id)
	if place < 0 or not is_from_host():
		return
	players.remove(place)
	list.remove_item(place)
	if turn > place:
		turn -= 1
	emit_signal("players_changed")
	if multiplayer.is_network_server():
		rpc("set_turn", turn % players.size())  # the last one may have left in his turn


remotesync func set_turn(new_turn):
	if not is_from_host():
		return
	turn = new_turn
	var player = player_in_turn()
	if player == 0:
		return
	for place in players.size():
		list.set_item_icon(place, crown if place == turn else null)
	action_button.disabled = player != multiplayer.get_network_unique_id()
	emit_signal("turn_changed", player)


remotesync func do_action(action):
	if is_from_host() and multiplayer.is_network_server():
		perform(action)


# --- What the others ask

master func set_player_name(player_name):
	rpc("update_player_name", multiplayer.get_rpc_sender_id(), str(player_name).left(LONGEST))


master func request_action(action):
	var sender = multiplayer.get_rpc_sender_id()
	if sender != player_in_turn():
		rpc("_log", "Someone is trying to cheat! %d" % sender)
	elif not action in ACTIONS:
		rpc("_log", "Invalid action: %s" % str(action).left(LONGEST))
	else:
		perform(action)
		next_turn()


# --- The host

func on_peer_add(id):
	if not multiplayer.is_network_server():
		return
	for player in players:
		rpc_id(id, "add_player", player.id, player.name)
	rpc("add_player", id)
	rpc_id(id, "set_turn", turn)


func on_peer_del(id):
	# The transport forgets the peer only after this signal, and a call to all would still go to it.
	call_deferred("forget", id)


func forget(id):
	if multiplayer.has_network_peer() and multiplayer.is_network_server():
		rpc("del_player", id)


func perform(action):
	rpc("_log", "%s: %ss %d" % [shown_name(turn), action, randi() % 100])


func next_turn():
	rpc("set_turn", (turn + 1) % players.size())


# --- Everyone

func act():
	if not multiplayer.is_network_server():
		rpc_id(1, "request_action", "roll")
	elif turn == 0:
		perform("roll")
		next_turn()


func player_in_turn():
	return players[turn].id if turn >= 0 and turn < players.size() else 0


func place_of(id):
	for place in players.size():
		if players[place].id == id:
			return place
	return -1


func shown_name(place):
	return players[place].name if players[place].name != "" else "... connecting ..."


func show_line(line):
	log_view.add_text(line + "\n")
	emit_signal("logged", line)
