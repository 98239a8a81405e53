extends Node
# Talks to demos/minimal/server.py: sends one packet and prints what comes back.
#
#   godot3-server --path demos/minimal/godot3 [--url=ws://127.0.0.1:9080] [--once]
#
# With --once it closes after the first answer and quits with status 0. It quits with status 1 when it cannot connect.

var url = "ws://127.0.0.1:9080"
var once = false
var answered = false
var client = WebSocketClient.new()


func _ready():
	for word in OS.get_cmdline_args():
		if word.begins_with("--url="):
			url = word.trim_prefix("--url=")
		elif word == "--once":
			once = true
	client.connect("connection_established", self, "_connected")
	client.connect("connection_closed", self, "_closed")
	client.connect("connection_error", self, "_closed")
	client.connect("data_received", self, "_on_data")
	if client.connect_to_url(url) != OK:
		print("Unable to connect")
		finish(1)


func _connected(protocol = ""):
	print("Connected with protocol: ", protocol)
	client.get_peer(1).put_packet("Test packet".to_utf8())


func _on_data():
	print("Got data from server: ", client.get_peer(1).get_packet().get_string_from_utf8())
	answered = true
	if once:
		client.disconnect_from_host(1000, "Done")


func _closed(was_clean = false):
	print("Closed, clean: ", was_clean)
	finish(0 if answered else 1)


func _process(_delta):
	client.poll()


func finish(status):
	set_process(false)
	get_tree().quit(status)
