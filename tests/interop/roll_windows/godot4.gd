extends SceneTree
# Plays a game in the demo's start window, with its four tables, by clicks of the mouse.
# Prints one JSON object a line: click {table, button}, seen {what} for every check that held, missed {what} for the one
# that did not, done. The port is in ROLL_PORT: with arguments there would be one table only.

const START := "res://start.tscn"

signal never()

var tables: Array[Node] = []


func _initialize() -> void:
	play.call_deferred()


func play() -> void:
	root.size = Vector2i(1000, 720)
	var start: Control = load(START).instantiate()
	root.add_child(start)
	await process_frame
	tables.assign(start.get_children())
	await until("four tables", func() -> bool: return tables.size() == 4)
	for i in 4:
		tables[i].port = int(OS.get_environment("ROLL_PORT"))
		tables[i].name_field.text = "Player%d" % i
	await check_layout()
	await click(0, "Meeting/Host")
	await until("the host may act", func() -> bool: return may_act() == [0])
	for i in [1, 2, 3]:
		await click(i, "Meeting/Connect")
		await until("player %d is known to all" % i, func() -> bool: return all_know(range(i + 1)))
	for i in [0, 1, 2, 3]:
		await until("only player %d may act" % i, func() -> bool: return may_act() == [i])
		await until("all crown player %d" % i, func() -> bool: return crowns(4) == [i, i, i, i])
		await click(i, "Game/Side/Action")
		await until("all read the roll of player %d" % i, func() -> bool: return all_read("Player%d: rolls " % i))
	await until("the host is in turn again", func() -> bool: return may_act() == [0])
	await click(2, "Meeting/Disconnect")
	await until("its message box", func() -> bool: return boxes() == [2])
	await press(tables[2].message.get_ok_button(), tables[2].message.position)
	await until("no message box", func() -> bool: return boxes() == [])
	for i in [0, 1, 3]:
		await until("player %d knows" % i, func() -> bool: return names(i) == ["Player0", "Player1", "Player3"])
	await click(0, "Meeting/Disconnect")
	await until("the message boxes of the rest", func() -> bool: return boxes() == [0, 1, 3])
	await until("empty lists", func() -> bool: return all_know([]))
	print(JSON.stringify({"event": "done"}))
	quit(0)


func check_layout() -> void:
	await process_frame
	var window := Rect2(Vector2.ZERO, root.size)
	for i in 4:
		var mine: Rect2 = tables[i].get_global_rect()
		await until("table %d is in the window" % i, func() -> bool: return window.encloses(mine) and mine.size.x > 400)
		for other in i:
			var overlap := mine.intersects(tables[other].get_global_rect())
			await until("tables %d, %d apart" % [i, other], func() -> bool: return not overlap)


# --- Doing

func part(i: int, path: String) -> Control:
	return tables[i].get_node("Panel/VBoxContainer/" + path)


func click(i: int, path: String) -> void:
	print(JSON.stringify({"event": "click", "table": i, "button": part(i, path).text}))
	await press(part(i, path))


func press(button: Button, window_at := Vector2.ZERO) -> void:
	for pressed in [true, false]:
		var event := InputEventMouseButton.new()
		event.button_index = MOUSE_BUTTON_LEFT
		event.pressed = pressed
		event.position = window_at + button.get_global_rect().get_center()
		event.global_position = event.position
		root.push_input(event)
		await process_frame


# --- Looking

func may_act() -> Array:
	return range(4).filter(func(i: int) -> bool: return not part(i, "Game/Side/Action").disabled)


func names(i: int) -> Array:
	var list: ItemList = part(i, "Game/Side/Players")
	return range(list.item_count).map(func(place: int) -> String: return list.get_item_text(place))


func crowns(count: int) -> Array:
	return range(count).map(func(i: int) -> int:
		var list: ItemList = part(i, "Game/Side/Players")
		var crowned := range(list.item_count).filter(func(place: int) -> bool: return list.get_item_icon(place) != null)
		return crowned[0] if crowned.size() == 1 else -1)


func all_know(players: Array) -> bool:
	var expected := players.map(func(i: int) -> String: return "Player%d" % i)
	var sides := players if not players.is_empty() else range(4)
	return sides.all(func(i: int) -> bool: return names(i) == expected)


func all_read(text: String) -> bool:
	return range(4).all(func(i: int) -> bool: return part(i, "Game/Log").get_parsed_text().contains(text))


func boxes() -> Array:
	return range(4).filter(func(i: int) -> bool: return tables[i].message.visible)


func until(what: String, condition: Callable) -> void:
	var deadline := Time.get_ticks_msec() + 3000
	while not condition.call():
		if Time.get_ticks_msec() > deadline:
			print(JSON.stringify({"event": "missed", "what": what}))
			quit(1)
			await never
		await process_frame
	print(JSON.stringify({"event": "seen", "what": what}))

