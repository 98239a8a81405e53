extends Node
# Plays without a person, as the command line asks (see ../README.md), and prints one JSON object a line:
#   listening {port}, joined {id}, players {players: [{id, name}]}, turn {turn, id, own}, log {text},
#   acted {count}, cheated, left {reason}, error {what}, timeout, quit {status, turns, acted}
#
# Quits with 0 when all was done, 1 when the session ended before that, 2 after --timeout, 3 when it could not start.

const Table := preload("res://table.gd")
const FLAGS := ["--host", "--auto", "--cheat"]
const VALUES := ["--join", "--name", "--port", "--players", "--pause", "--leave-in-turn", "--turns", "--timeout"]

enum { WAITING, IN_TURN, ASKED }

var table: Table
var options := {}
var active := false

var state := WAITING
var turns := 0  # turns that came
var acted := 0
var running := false  # there have been as many players as it takes
var cheated := false
var age := 0.0
var pause := 0.0  # until its next step


func _init(words: PackedStringArray) -> void:
	name = "Robot"
	active = not words.is_empty()
	var i := 0
	while i < words.size():
		var option := words[i].get_slice("=", 0)
		var value := words[i].trim_prefix(option + "=")
		i += 1
		if option in VALUES and value == option and i < words.size():
			value = words[i]
			i += 1
		if option in VALUES or option in FLAGS:
			options[option] = value
		else:
			printerr("unknown option ", option)


func _ready() -> void:
	table.joined.connect(func(id: int) -> void: event("joined", {"id": id}))
	table.left.connect(_left)
	table.game.logged.connect(func(line: String) -> void: event("log", {"text": line}))
	table.game.players_changed.connect(_players_changed)
	table.game.turn_changed.connect(_turn_changed)
	begin()


func begin() -> void:
	table.port = int(number("--port", table.port))
	table.name_field.text = options.get("--name", table.name_field.text)
	var problem := ERR_INVALID_PARAMETER
	if "--host" in options:
		problem = table.host()
	elif "--join" in options:
		problem = table.join(options["--join"])
	if problem != OK:
		event("error", {"what": error_string(problem)})
		finish(3)
	elif "--host" in options:
		event("listening", {"port": table.port})


func number(option: String, otherwise: float) -> float:
	return float(options.get(option, otherwise))


# --- What happens

func _players_changed() -> void:
	event("players", {"players": table.game.players})
	running = running or table.game.players.size() >= number("--players", 1)
	pause = number("--pause", 0.05)


func _turn_changed(id: int) -> void:
	var own := id == table.multiplayer.get_unique_id()
	event("turn", {"turn": table.game.turn, "id": id, "own": own})
	pause = number("--pause", 0.05)
	if not own:
		state = WAITING
		if running and "--cheat" in options and not cheated:
			cheat()
	elif state == WAITING:  # else it is told again, because somebody left
		state = IN_TURN
		turns += 1


func _left(reason: String) -> void:
	event("left", {"reason": reason})
	finish(0 if reason != "connection failed" and is_done() else 1)


# --- What it does

func _process(delta: float) -> void:
	age += delta
	pause -= delta
	var limit := number("--timeout", 60.0)
	if limit > 0.0 and age > limit:
		event("timeout")
		finish(2)
	elif pause <= 0.0 and has_goal() and is_done():
		table.leave()
	elif pause <= 0.0 and state == IN_TURN and running and "--auto" in options:
		act()


func act() -> void:
	acted += 1
	event("acted", {"count": acted})
	# The host's next turn can come at once; another's comes after somebody else's.
	state = WAITING if table.multiplayer.is_server() else ASKED
	table.game.act()


func cheat() -> void:
	cheated = true
	event("cheated")
	table.game.request_action.rpc_id(1, "roll")


func has_goal() -> bool:
	return "--turns" in options or "--leave-in-turn" in options


func is_done() -> bool:
	if "--leave-in-turn" in options and state == IN_TURN and turns >= number("--leave-in-turn", 0):
		return true
	if "--turns" in options:
		return acted >= number("--turns", 0) and state != ASKED
	return not "--leave-in-turn" in options


func finish(status: int) -> void:
	event("quit", {"status": status, "turns": turns, "acted": acted})
	set_process(false)
	get_tree().quit(status)


func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what, "ms": Time.get_ticks_msec()}.merged(fields)))
