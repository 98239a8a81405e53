extends Node
# Plays without a person, as the command line asks (see ../README.md), and prints one JSON object a line:
#   listening {port}, joined {id}, players {players: [{id, name}]}, turn {turn, id, own}, log {text},
#   acted {count}, cheated, left {reason}, error {what}, timeout, quit {status, turns, acted}
#
# Quits with 0 when all was done, 1 when the session ended before that, 2 after --timeout, 3 when it could not start.

const FLAGS = ["--host", "--auto", "--cheat"]
const VALUES = ["--join", "--name", "--port", "--players", "--pause", "--leave-in-turn", "--turns", "--timeout"]

enum { WAITING, IN_TURN, ASKED }

var table
var options = {}
var active = false

var state = WAITING
var turns = 0  # turns that came
var acted = 0
var running = false  # there have been as many players as it takes
var cheated = false
var age = 0.0
var pause = 0.0  # until its next step


func _init(words):
	name = "Robot"
	var i = 0
	while i < words.size():
		var option = words[i].get_slice("=", 0)
		var value = words[i].trim_prefix(option + "=")
		i += 1
		if option in VALUES and value == option and i < words.size():
			value = words[i]
			i += 1
		if option in VALUES or option in FLAGS:  # the engine's own options are in the list as well
			options[option] = value
	active = not options.empty()


func _ready():
	table.connect("joined", self, "_joined")
	table.connect("left", self, "_left")
	table.game.connect("logged", self, "_logged")
	table.game.connect("players_changed", self, "_players_changed")
	table.game.connect("turn_changed", self, "_turn_changed")
	begin()


func begin():
	table.port = int(number("--port", table.port))
	table.name_field.text = options.get("--name", table.name_field.text)
	var problem = ERR_INVALID_PARAMETER
	if "--host" in options:
		problem = table.host()
	elif "--join" in options:
		problem = table.join(options["--join"])
	if problem != OK:
		event("error", {"what": "error %d" % problem})
		finish(3)
	elif "--host" in options:
		event("listening", {"port": table.port})


func number(option, otherwise):
	return float(options.get(option, otherwise))


# --- What happens

func _joined(id):
	event("joined", {"id": id})


func _logged(line):
	event("log", {"text": line})


func _players_changed():
	event("players", {"players": table.game.players})
	running = running or table.game.players.size() >= number("--players", 1)
	pause = number("--pause", 0.05)


func _turn_changed(id):
	var own = id == table.multiplayer.get_network_unique_id()
	event("turn", {"turn": table.game.turn, "id": id, "own": own})
	pause = number("--pause", 0.05)
	if not own:
		state = WAITING
		if running and "--cheat" in options and not cheated:
			cheat()
	elif state == WAITING:  # else it is told again, because somebody left
		state = IN_TURN
		turns += 1


func _left(reason):
	event("left", {"reason": reason})
	finish(0 if reason != "connection failed" and is_done() else 1)


# --- What it does

func _process(delta):
	age += delta
	pause -= delta
	var limit = number("--timeout", 60.0)
	if limit > 0.0 and age > limit:
		event("timeout")
		finish(2)
	elif pause <= 0.0 and has_goal() and is_done():
		table.leave()
	elif pause <= 0.0 and state == IN_TURN and running and "--auto" in options:
		act()


func act():
	acted += 1
	event("acted", {"count": acted})
	# The host's next turn can come at once; another's comes after somebody else's.
	state = WAITING if table.multiplayer.is_network_server() else ASKED
	table.game.act()


func cheat():
	cheated = true
	event("cheated")
	table.game.rpc_id(1, "request_action", "roll")


func has_goal():
	return "--turns" in options or "--leave-in-turn" in options


func is_done():
	if "--leave-in-turn" in options and state == IN_TURN and turns >= number("--leave-in-turn", 0):
		return true
	if "--turns" in options:
		return acted >= number("--turns", 0) and state != ASKED
	return not "--leave-in-turn" in options


func finish(status):
	event("quit", {"status": status, "turns": turns, "acted": acted})
	set_process(false)
	get_tree().quit(status)


func event(what, fields = {}):
	var line = {"event": what, "ms": OS.get_ticks_msec()}
	for key in fields:
		line[key] = fields[key]
	print(JSON.print(line))
