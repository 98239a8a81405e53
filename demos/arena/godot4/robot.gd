extends Node
# Plays without a person, as the command line asks (see ../README.md), and prints one JSON object a line:
#   joined {id}, player {title, x, y}, state {...} each second, scored {score}, left {reason}, error {what}, quit {status}
#
# Quits with 0 after --seconds, 1 when the session ended before that, 3 when it could not start.

const VALUES := ["--join", "--name", "--seconds"]

@onready var main := get_parent()

var options := {}
var age := 0.0
var told := 0.0
var score := -1
var spawned := 0
var despawned := 0
var changes := 0  # of the worth of coins, which only the server changes
var goal := Vector2.ZERO


func _enter_tree() -> void:
	var words := OS.get_cmdline_user_args()
	var i := 0
	while i < words.size():
		var option := words[i].get_slice("=", 0)
		var value := words[i].trim_prefix(option + "=")
		i += 1
		if option in VALUES and value == option and i < words.size():
			value = words[i]
			i += 1
		if option in VALUES:
			options[option] = value
		else:
			printerr("unknown option ", option)


func is_active() -> bool:
	return "--join" in options


func _ready() -> void:
	set_process(is_active())
	if not is_active():
		return
	main.left.connect(_left)
	main.get_node("Spawner").spawned.connect(_spawned)
	main.get_node("Spawner").despawned.connect(func(_node: Node) -> void: despawned += 1)
	# The parent is ready after this node, and connects its signals then.
	begin.call_deferred()


func begin() -> void:
	main.title = options.get("--name", main.title)
	multiplayer.connected_to_server.connect(func() -> void: event("joined", {"id": multiplayer.get_unique_id()}))
	var problem: Error = main.join(options["--join"])
	if problem != OK:
		event("error", {"what": error_string(problem)})
		finish(3)


func _spawned(node: Node) -> void:
	spawned += 1
	if node == main.own_player():
		event("player", {"title": node.title, "x": node.position.x, "y": node.position.y})
	elif "worth" in node:
		node.get_node("State").delta_synchronized.connect(func() -> void: changes += 1)


func _left(reason: String) -> void:
	event("left", {"reason": reason})
	finish(1)


func _process(delta: float) -> void:
	age += delta
	if "--seconds" in options and age > float(options["--seconds"]):
		multiplayer.multiplayer_peer.close()
		finish(0)
		return
	var player: Node2D = main.own_player()
	if player == null:
		return
	steer(player)
	if player.score != score:
		score = player.score
		event("scored", {"score": score})
	if age - told >= 1.0:
		told = age
		event("state", state(player))


func steer(player: Node2D) -> void:
	var best := INF
	for node in main.get_node("World").get_children():
		if "worth" in node:
			var distance := player.position.distance_squared_to(node.position)
			if distance < best:
				best = distance
				goal = node.position
	player.direction = player.position.direction_to(goal).snapped(Vector2(0.1, 0.1))


func state(player: Node2D) -> Dictionary:
	var players := []
	var coins := 0
	for node in main.get_node("World").get_children():
		if "worth" in node:
			coins += 1
		else:
			players.append(node.title)
	var board := main.get_node("Board")
	return {
		"x": player.position.x, "y": player.position.y, "players": players, "coins": coins, "spawned": spawned,
		"despawned": despawned, "changes": changes, "board": Array(board.titles), "count": board.players,
	}


func finish(status: int) -> void:
	event("quit", {"status": status, "score": score})
	set_process(false)
	get_tree().quit(status)


func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what, "ms": Time.get_ticks_msec()}.merged(fields)))
