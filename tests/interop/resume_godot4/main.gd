extends Node
# Does what it is told on standard input, or in a page by `window.perform`: each line is an expression, and its value is
# printed. Prints all signals.
#
# `own` is the node whose synchronizer belongs to this side; its tick rises in each frame, its mood changes when told.

const SIGNALS := ["peer_connected", "peer_disconnected", "connected_to_server", "connection_failed", "server_disconnected"]

var input := Thread.new()
var called := JavaScriptBridge.create_callback(func(words: Array) -> void: perform.call_deferred(words[0]))
var count := 0
var own: Node
var seen: Node
var marked := 0


func _ready() -> void:
	multiplayer.peer_connected.connect(func(id: int) -> void: event("peer_connected", {"id": id}))
	multiplayer.peer_disconnected.connect(func(id: int) -> void: event("peer_disconnected", {"id": id}))
	multiplayer.connected_to_server.connect(func() -> void: event("connected", {"id": multiplayer.get_unique_id()}))
	multiplayer.connection_failed.connect(func() -> void: event("connection_failed"))
	multiplayer.server_disconnected.connect(func() -> void: event("server_disconnected"))
	if OS.has_feature("web"):
		JavaScriptBridge.get_interface("window").perform = called
	else:
		input.start(listen)


func event(name: String, fields := {}) -> void:
	fields["event"] = name
	print(JSON.stringify(fields))


# In a thread of its own, as reading waits.
func listen() -> void:
	while true:
		var line := OS.read_string_from_stdin(65536)
		if line.is_empty():
			break
		perform.call_deferred(line)
	leave.call_deferred()


func leave() -> void:
	input.wait_to_finish()
	get_tree().quit(0)


func perform(line: String) -> void:
	count += 1
	var expression := Expression.new()
	if expression.parse(line) != OK:
		push_error("cannot parse: " + line)
		return
	var value: Variant = expression.execute([], self)
	event("result", {"number": count, "value": var_to_str(value), "failed": expression.has_execute_failed()})


# Shares the nodes out: `mine` belongs to this side, the other node to `other`.
func share(mine: String, other: int) -> void:
	own = get_node(mine)
	seen = get_node("Two" if mine == "One" else "One")
	own.set_owner_id(multiplayer.get_unique_id())
	seen.set_owner_id(other)


func call_all(paths: Array, id: int, text: String) -> void:
	for path: String in paths:
		get_node(path).ping.rpc_id(id, text)


# Says so, and calls later in the same frame.
func call_late(paths: Array, id: int) -> void:
	event("late")
	OS.delay_msec(500)
	call_all(paths, id, "late")


# Says so, and hears nothing for a while. All that comes meanwhile is handled in the next frame.
func be_busy(milliseconds: int) -> void:
	event("busy")
	OS.delay_msec(milliseconds)


# Sets both properties and says so, in the same frame.
func set_and_mark(id: int, value: int) -> void:
	own.mood = value
	own.tick = value
	mark.rpc_id(id, value)


# Counts the frames until the properties of the other side are as it has said.
@rpc("any_peer") func mark(value: int) -> void:
	marked = value
	var frames := 0
	while marked == value and not (seen.tick >= value and seen.mood == value) and frames < 120:
		await get_tree().process_frame
		frames += 1
	event("marked", {"value": value, "frames": frames})


func _process(_delta: float) -> void:
	if own != null:
		own.tick += 1
