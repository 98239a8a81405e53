extends SceneTree
# A scene of the ready fixtures whose Main does what it is told through a TCP connection, as Godot 3 cannot read its
# standard input: each string is an expression, and its value is printed. /root/Main/Modes is added to the fixture's
# nodes.
#
#   godot 3 --path FIXTURES --script puppet.gd --role=client|server --orders=PORT   and the fixture's own options

var main
var orders = StreamPeerTCP.new()
var count = 0


func _initialize():
	var folder = get_script().resource_path.get_base_dir()
	var role = "server" if "--role=server" in OS.get_cmdline_args() else "client"
	main = load("res://mp_%s.tscn" % role).instance()
	var modes = Node.new()
	modes.set_script(load(folder + "/modes.gd"))
	modes.name = "Modes"
	main.add_child(modes)
	root.add_child(main)
	if role == "server":
		main.peer.connect("client_close_request", self, "client_closes")
	else:
		main.peer.connect("server_close_request", self, "server_closes")
	orders.connect_to_host("127.0.0.1", main.io.number("orders"))


func _idle(_delta):
	while orders.get_available_bytes() > 0:
		perform(orders.get_utf8_string())
	return orders.get_status() in [StreamPeerTCP.STATUS_NONE, StreamPeerTCP.STATUS_ERROR]


func client_closes(id, code, reason):
	main.io.event("close_request", {"id": id, "code": code, "reason": reason})


func server_closes(code, reason):
	main.io.event("close_request", {"id": 1, "code": code, "reason": reason})


func perform(words):
	count += 1
	var expression = Expression.new()
	if expression.parse(words) != OK:
		push_error("cannot parse: " + words)
		return
	var value = expression.execute([], main)
	main.io.event("result", {"number": count, "value": var2str(value)})
