extends SceneTree
# The game of docs/dialects.md as a client plays it.
# Prints one JSON object a line: connected {id}, welcome {text, from}, score {value}, failed.
#
#   godot 3 --path FOLDER --script guest.gd --url=ws://127.0.0.1:8910

class Main extends Node:
	puppet var score = 0 setget set_score

	func set_score(value):
		score = value
		print(JSON.print({"event": "score", "value": value}))

	master func greet(_name, _where):
		pass

	puppetsync func welcome(text):
		print(JSON.print({"event": "welcome", "text": text, "from": get_tree().get_rpc_sender_id()}))


var client = WebSocketClient.new()


func _initialize():
	var main = Main.new()
	main.name = "Main"
	root.add_child(main)
	connect("connected_to_server", self, "greet", [main])
	connect("connection_failed", self, "fail")
	for word in OS.get_cmdline_args():
		if word.begins_with("--url="):
			client.connect_to_url(word.substr(6), [], true)
	network_peer = client


func greet(main):
	print(JSON.print({"event": "connected", "id": get_network_unique_id()}))
	main.rpc_id(1, "greet", "Godot", Vector2(1, 2))


func fail():
	print(JSON.print({"event": "failed"}))
	quit(1)
