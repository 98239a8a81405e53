extends SceneTree
# Sends values by put_var, one a message, and prints of each that comes back whether it is the same.
# Prints one JSON object a line: back {value, same}, closed.
#
#   godot 3 --path FOLDER --script vars.gd --url=ws://127.0.0.1:9080

var values = [null, true, 7, 1 << 40, 0.1, "héllo", Vector2(1, -2), [1, [2]], Color(1, 0, 0), NodePath("/root/Main:x")]
var client = WebSocketClient.new()


func _initialize():
	client.connect("connection_established", self, "send")
	client.connect("data_received", self, "hear")
	client.connect("connection_closed", self, "end")
	for word in OS.get_cmdline_args():
		if word.begins_with("--url="):
			client.connect_to_url(word.substr(6))


func send(_protocol):
	for value in values:
		client.get_peer(1).put_var(value)


func hear():
	var value = client.get_peer(1).get_var()
	print(JSON.print({"event": "back", "value": var2str(value), "same": value in values}))


func end(_was_clean):
	print(JSON.print({"event": "closed"}))
	quit(0)


func _iteration(_delta):
	client.poll()
