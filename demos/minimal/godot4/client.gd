extends Node
# Talks to demos/minimal/server.py: sends one packet and prints what comes back.
#
#   godot --headless --path demos/minimal/godot4 -- [--url=ws://127.0.0.1:9080] [--once]
#
# With --once it closes after the first answer and quits with status 0. It quits with status 1 when it cannot connect.

var url := "ws://127.0.0.1:9080"
var once := false
var opened := false
var answered := false
var peer := WebSocketPeer.new()


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		if word.begins_with("--url="):
			url = word.trim_prefix("--url=")
		elif word == "--once":
			once = true
	if peer.connect_to_url(url) != OK:
		print("Unable to connect")
		finish(1)


func _process(_delta: float) -> void:
	peer.poll()
	match peer.get_ready_state():
		WebSocketPeer.STATE_OPEN:
			if not opened:
				opened = true
				print("Connected with protocol: ", peer.get_selected_protocol())
				peer.send_text("Test packet")
			read()
		WebSocketPeer.STATE_CLOSED:
			print("Closed with code: %d, clean: %s" % [peer.get_close_code(), peer.get_close_code() != -1])
			finish(0 if opened and (answered or not once) else 1)


func read() -> void:
	while peer.get_available_packet_count() > 0:
		print("Got data from server: ", peer.get_packet().get_string_from_utf8())
		answered = true
		if once:
			peer.close(1000, "Done")
			return


func finish(status: int) -> void:
	set_process(false)
	get_tree().quit(status)
