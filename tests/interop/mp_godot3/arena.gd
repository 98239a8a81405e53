extends SceneTree
# The server of demos/swarm/arena.py in Godot 3: answers each call with the same arguments.
#
#   godot 3 --path FOLDER --script arena.gd --port=N

class Arena extends Node:
	remote func echo(number, at):
		rpc_id(get_tree().get_rpc_sender_id(), "answer", number, at)

	remote func answer(_number, _at):
		pass


var server = WebSocketServer.new()


func _initialize():
	var arena = Arena.new()
	arena.name = "Arena"
	root.add_child(arena)
	for word in OS.get_cmdline_args():
		if word.begins_with("--port="):
			if server.listen(int(word.substr(7)), [], true) != OK:
				quit(3)
	network_peer = server
	print(JSON.print({"event": "listening"}))
