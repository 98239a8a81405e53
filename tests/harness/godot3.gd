extends SceneTree
# Drives an unchanged project by a list of steps: see README.md. The argument that ends in .steps is their file.
# Prints one JSON object a line.

var steps = []
var at = 0
var wake = 0
var failed = false
var kept = []


func _init():
	for word in OS.get_cmdline_args():
		if word.ends_with(".steps"):
			var file = File.new()
			file.open(word, File.READ)
			steps = Array(file.get_as_text().split("\n", false))


func _idle(_delta):
	while at < steps.size():
		var line = steps[at].strip_edges()
		if line != "" and not line.begins_with("#"):
			var words = line.split(" ", true, 1)
			if not step(words[0], words[1] if words.size() > 1 else ""):
				return false
		at += 1
	return false


func _iteration(_delta):
	return false


# Takes a step; false: not done, or done, and the next one only in the next frame.
func step(what, rest):
	match what:
		"scene":
			show_scene(load(rest).instance())
		"wait":
			return is_over(int(rest)) and done()
		"until":
			var words = rest.split(" ", true, 1)
			var value = value_of(words[1])
			if not value and not is_over(int(words[0])):
				return false
			wake = 0
			failed = failed or not value
			tell("until", {"expression": words[1], "value": true if value else false})
		"do":
			value_of(rest)
			return done()
		"say":
			tell("say", {"expression": rest, "value": str(value_of(rest))})
		"quit":
			quit(1 if failed else 0)
			return done()
		_:
			error("no such step: " + what)
	return true


func done():
	at += 1
	wake = 0
	return false


# True once so many milliseconds are over since the first time that the step was tried.
func is_over(milliseconds):
	if wake == 0:
		wake = OS.get_ticks_msec() + milliseconds
	return OS.get_ticks_msec() >= wake


func value_of(text):
	var expression = Expression.new()
	if expression.parse(text, ["tree", "root", "h"]) != OK:
		error("%s in %s" % [expression.get_error_text(), text])
		return null
	var value = expression.execute([self, get_root(), self], get_root(), true)
	if expression.has_execute_failed():
		error("%s in %s" % [expression.get_error_text(), text])
	return value


func tell(event, fields):
	fields["event"] = event
	print(to_json(fields))


func error(text):
	failed = true
	tell("error", {"text": text})


# --- What expressions have as `h`


func show_scene(scene):
	get_root().add_child(scene)
	current_scene = scene
	tell("scene", {"path": str(scene.get_path())})


func scene_with(path, property, value):
	var scene = load(path).instance()
	scene.set(property, value)
	show_scene(scene)


func ws_client(url, protocols = PoolStringArray()):
	var peer = WebSocketClient.new()
	return use(peer, peer.connect_to_url(url, protocols, true))


func ws_server(port, protocols = PoolStringArray()):
	var peer = WebSocketServer.new()
	return use(peer, peer.listen(port, protocols, true))


func use(peer, problem):
	kept.append(peer)
	set_network_peer(peer)
	return problem


func key(action, is_down):
	if is_down:
		Input.action_press(action)
	else:
		Input.action_release(action)


func kids(path):
	var names = PoolStringArray()
	for child in get_root().get_node(path).get_children():
		names.append(child.name)
	return names.join(" ")
