extends SceneTree
# The replication fixture for one session after the other, in one run of the engine. Each line on standard input is a
# dictionary, and each answer an event of the same number:
#
#   {"join": {"role": "client", "url": "ws://…"}}   a new /root/Main with these options of rep_main.gd
#   {"leave": ""}                                   removes /root/Main, with its connection
#   {"step": "unit"}                                step_unit() of Main, to its end
#   {"begin": "aim"}                                the same, without waiting for the end
#   {"set": "Board", "to": ["score", "3"]}          a property of a node
#   {"value": "has_node(\"Units/U1\")"}              the value of an expression in Main
#   {"board": "res://rep_loose.gd"}                 another script for Board; here:// is the folder of this file
#   {"scene": "here://den.tscn"}                    one more scene for Spawner
#   {"state": ""}                                   the values of all nodes of the game, by their path

var main: Node
var input := Thread.new()


func _initialize() -> void:
	input.start(listen)


# In a thread of its own, as reading waits.
func listen() -> void:
	while true:
		var line := OS.read_string_from_stdin(65536)
		if line.is_empty():
			break
		perform.call_deferred(JSON.parse_string(line))
	leave.call_deferred()


func leave() -> void:
	input.wait_to_finish()
	quit(0)


func perform(order: Dictionary) -> void:
	var value: Variant = null
	if order.has("join"):
		join(order["join"])
	elif order.has("leave"):
		end_session()
	elif order.has("step"):
		await main.call("step_" + order["step"])
	elif order.has("begin"):
		main.call("step_" + order["begin"])
	elif order.has("board"):
		main.get_node("Board").set_script(load(here(order["board"])))
	elif order.has("scene"):
		main.get_node("Spawner").add_spawnable_scene(here(order["scene"]))
	elif order.has("set"):
		main.get_node(order["set"]).set(order["to"][0], str_to_var(order["to"][1]))
	elif order.has("value"):
		value = evaluate(order["value"])
	else:
		value = state()
	print(JSON.stringify({"event": "answer", "number": order["number"], "value": var_to_str(value)}))


func here(path: String) -> String:
	return path.replace("here:/", get_script().resource_path.get_base_dir())


func join(options: Dictionary) -> void:
	printerr("joins")  # what comes before is of the last session
	main = load("res://rep_%s.tscn" % options["role"]).instantiate()
	for key in options:
		main.io.options[key] = str(options[key])
	root.add_child(main)
	main.set_process(false)  # else it would end the engine when its time or its session is over


func end_session() -> void:
	var old := main
	old.peer.close()
	get_multiplayer().multiplayer_peer = null
	root.remove_child(old)
	set_multiplayer(MultiplayerAPI.create_default_interface())
	# Functions of it still wait for timers.
	create_timer(2.0).timeout.connect(old.queue_free)


func evaluate(text: String) -> Variant:
	var expression := Expression.new()
	if expression.parse(text) != OK:
		push_error("cannot parse: " + text)
		return null
	return expression.execute([], main)


func state() -> Dictionary:
	var found := {}
	for node in main.find_children("*", "", true, false):
		var values := {}
		for key in ["position", "health", "items", "title", "aim", "motion", "color", "size", "score", "clock", "notes"]:
			if node.get_script() and key in node:
				values[key] = node.get(key)
		if node.has_node("Turret"):
			values["rotation"] = node.get_node("Turret").rotation
		if node.scene_file_path or not values.is_empty():
			found[str(main.get_path_to(node))] = values
	return found
