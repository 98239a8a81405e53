extends SceneTree
# Plays a game in the demo's start window, with its four tables, by clicks of the mouse.
# Prints one JSON object a line: click {table, button}, seen {what} for every check that held, missed {what} for the one
# that did not, done. The port is in ROLL_PORT: with arguments there would be one table only.

signal never()

const START = "res://start.tscn"

var tables = []


func _initialize():
	call_deferred("play")


func play():
	root.set_size(Vector2(1000, 720))
	var start = load(START).instance()
	root.add_child(start)
	yield(self, "idle_frame")
	tables = start.get_children()
	yield(until("four tables", "count", [], 4), "completed")
	for i in 4:
		tables[i].port = int(OS.get_environment("ROLL_PORT"))
		tables[i].name_field.text = "Player%d" % i
	yield(check_layout(), "completed")
	yield(click(0, "Meeting/Host"), "completed")
	yield(until("the host may act", "may_act", [], [0]), "completed")
	for i in [1, 2, 3]:
		yield(click(i, "Meeting/Connect"), "completed")
		yield(until("player %d is known to all" % i, "all_know", [range(i + 1)], true), "completed")
	for i in [0, 1, 2, 3]:
		yield(until("only player %d may act" % i, "may_act", [], [i]), "completed")
		yield(until("all crown player %d" % i, "crowns", [], [i, i, i, i]), "completed")
		yield(click(i, "Game/Side/Action"), "completed")
		yield(until("all read the roll of player %d" % i, "all_read", ["Player%d: rolls " % i], true), "completed")
	yield(until("the host is in turn again", "may_act", [], [0]), "completed")
	yield(click(2, "Meeting/Disconnect"), "completed")
	yield(until("its message box", "boxes", [], [2]), "completed")
	yield(press(tables[2].message.get_ok()), "completed")
	yield(until("no message box", "boxes", [], []), "completed")
	for i in [0, 1, 3]:
		yield(until("player %d knows" % i, "names", [i], ["Player0", "Player1", "Player3"]), "completed")
	yield(click(0, "Meeting/Disconnect"), "completed")
	yield(until("the message boxes of the rest", "boxes", [], [0, 1, 3]), "completed")
	yield(until("empty lists", "all_know", [[]], true), "completed")
	print(JSON.print({"event": "done"}))
	quit(0)


func check_layout():
	for i in 4:
		yield(until("table %d is in the window" % i, "is_inside", [i], true), "completed")
		for other in i:
			yield(until("tables %d, %d apart" % [i, other], "overlap", [i, other], false), "completed")


# --- Doing

func part(i, path):
	return tables[i].get_node("Panel/VBoxContainer/" + path)


func click(i, path):
	print(JSON.print({"event": "click", "table": i, "button": part(i, path).text}))
	yield(press(part(i, path)), "completed")


func press(button):
	for pressed in [true, false]:
		var event = InputEventMouseButton.new()
		event.button_index = BUTTON_LEFT
		event.pressed = pressed
		event.position = button.get_global_rect().get_center()
		event.global_position = event.position
		input_event(event)
		yield(self, "idle_frame")


# --- Looking

func count():
	return tables.size()


func is_inside(i):
	var mine = tables[i].get_global_rect()
	return Rect2(Vector2.ZERO, root.size).encloses(mine) and mine.size.x > 400


func overlap(i, other):
	return tables[i].get_global_rect().intersects(tables[other].get_global_rect())


func may_act():
	var found = []
	for i in 4:
		if not part(i, "Game/Side/Action").disabled:
			found.append(i)
	return found


func names(i):
	var list = part(i, "Game/Side/Players")
	var found = []
	for place in list.get_item_count():
		found.append(list.get_item_text(place))
	return found


func crowns():
	var found = []
	for i in 4:
		var list = part(i, "Game/Side/Players")
		for place in list.get_item_count():
			if list.get_item_icon(place) != null:
				found.append(place)
	return found


func all_know(players):
	var expected = []
	for i in players:
		expected.append("Player%d" % i)
	for i in (range(4) if players.empty() else players):
		if names(i) != expected:
			return false
	return true


func all_read(text):
	for i in 4:
		if not text in part(i, "Game/Log").text:
			return false
	return true


func boxes():
	var found = []
	for i in 4:
		if tables[i].message.visible:
			found.append(i)
	return found


func until(what, method, arguments, expected):
	var deadline = OS.get_ticks_msec() + 3000
	yield(self, "idle_frame")
	while callv(method, arguments) != expected:
		if OS.get_ticks_msec() > deadline:
			print(JSON.print({"event": "missed", "what": what}))
			quit(1)
			yield(self, "never")
		yield(self, "idle_frame")
	print(JSON.print({"event": "seen", "what": what}))
