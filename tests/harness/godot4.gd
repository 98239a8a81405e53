extends SceneTree
# Drives an unchanged project by a list of steps: see README.md. User argument: the file of the steps.
# Prints one JSON object a line.

var steps: PackedStringArray = []
var at := 0
var wake := 0
var failed := false
var kept := []


func _initialize() -> void:
	steps = FileAccess.get_file_as_string(OS.get_cmdline_user_args()[0]).split("\n", false)


func _process(_delta: float) -> bool:
	while at < steps.size():
		var line := steps[at].strip_edges()
		if line != "" and not line.begins_with("#"):
			var words := line.split(" ", true, 1)
			if not step(words[0], words[1] if words.size() > 1 else ""):
				return false
		at += 1
	return false


# Takes a step; false: not done, or done, and the next one only in the next frame.
func step(what: String, rest: String) -> bool:
	match what:
		"scene":
			show_scene(load(rest).instantiate())
		"wait":
			return is_over(int(rest)) and done()
		"until":
			var words := rest.split(" ", true, 1)
			var value: Variant = value_of(words[1])
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


func done() -> bool:
	at += 1
	wake = 0
	return false


# True once so many milliseconds are over since the first time that the step was tried.
func is_over(milliseconds: int) -> bool:
	if wake == 0:
		wake = Time.get_ticks_msec() + milliseconds
	return Time.get_ticks_msec() >= wake


func value_of(text: String) -> Variant:
	var expression := Expression.new()
	if expression.parse(text, ["tree", "root", "h"]) != OK:
		error("%s in %s" % [expression.get_error_text(), text])
		return null
	var value: Variant = expression.execute([self, root, self], root, true)
	if expression.has_execute_failed():
		error("%s in %s" % [expression.get_error_text(), text])
	return value


func tell(event: String, fields: Dictionary) -> void:
	fields["event"] = event
	print(JSON.stringify(fields))


func error(text: String) -> void:
	failed = true
	tell("error", {"text": text})


# --- What expressions have as `h`


func show_scene(scene: Node) -> void:
	root.add_child(scene)
	current_scene = scene
	tell("scene", {"path": str(scene.get_path())})


func scene_with(path: String, property: String, value: Variant) -> void:
	var scene: Node = load(path).instantiate()
	scene.set(property, value)
	show_scene(scene)


func with_script(path: String, node_name: String) -> void:
	var node := Node.new()
	node.name = node_name
	node.set_script(load(path))
	root.add_child(node)


func ws_client(url: String, protocols := PackedStringArray(), api: MultiplayerAPI = null) -> int:
	var peer := WebSocketMultiplayerPeer.new()
	peer.supported_protocols = protocols
	return use(peer, peer.create_client(url), api)


func ws_server(port: int, protocols := PackedStringArray(), api: MultiplayerAPI = null) -> int:
	var peer := WebSocketMultiplayerPeer.new()
	peer.supported_protocols = protocols
	return use(peer, peer.create_server(port), api)


func use(peer: WebSocketMultiplayerPeer, problem: int, api: MultiplayerAPI) -> int:
	kept.append(peer)
	(api if api else get_multiplayer()).multiplayer_peer = peer
	return problem


func key(action: String, is_down: bool) -> void:
	if is_down:
		Input.action_press(action)
	else:
		Input.action_release(action)


func kids(path: String) -> String:
	return " ".join(root.get_node(path).get_children().map(func(child: Node) -> String: return str(child.name)))


# A property of a node below each child: `values("World/Players", "label", "text")`.
func values(path: String, below: String, property: String) -> Array:
	return root.get_node(path).get_children().map(func(child: Node) -> Variant: return child.get_node(below).get(property))
