extends SceneTree
# A scene of the ready fixtures whose Main does what it is told on standard input: each line is an expression, and its
# value is printed. /root/Main/Modes is added to the fixture's nodes, and to Main an object that can be sent.
#
#   godot 4 --path FIXTURES --script puppet.gd -- --role=client|server   and the fixture's own options
#   --sync   /root/Main/Sync keeps Main's process_priority the same for all

var main: Node
var input := Thread.new()
var count := 0


func _initialize() -> void:
	var folder: String = get_script().resource_path.get_base_dir()
	var role := "server" if "--role=server" in OS.get_cmdline_user_args() else "client"
	main = load("res://mp_%s.tscn" % role).instantiate()
	var modes := Node.new()
	modes.set_script(load(folder + "/modes.gd"))
	modes.name = "Modes"
	main.add_child(modes)
	var object := InputEventKey.new()
	object.keycode = KEY_A
	main.set_meta("object", object)
	if "--sync" in OS.get_cmdline_user_args():
		main.add_child(synchronizer())
	root.add_child(main)
	input.start(listen)


func synchronizer() -> MultiplayerSynchronizer:
	var node := MultiplayerSynchronizer.new()
	node.name = "Sync"
	node.replication_config = SceneReplicationConfig.new()
	node.replication_config.add_property(^".:process_priority")
	return node


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
	quit(0)


func perform(line: String) -> void:
	count += 1
	var expression := Expression.new()
	if expression.parse(line) != OK:
		push_error("cannot parse: " + line)
		return
	var value: Variant = expression.execute([], main)
	main.io.event("result", {"number": count, "value": var_to_str(value), "failed": expression.has_execute_failed()})
