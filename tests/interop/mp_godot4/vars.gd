extends SceneTree
# Sends values by put_var, one a message, and prints of each that comes back whether it is the same.
# Prints one JSON object a line: back {value, same}, closed.
#
#   godot 4 --headless --path FOLDER --script vars.gd -- --url=ws://127.0.0.1:9080

const VALUES := [null, true, 7, 1 << 40, 0.1, "héllo", Vector2i(1, -2), {"a": [1, {}]}, Color.RED, ^"/root/Main:x"]

var peer := WebSocketPeer.new()
var sent := false


func _initialize() -> void:
	peer.connect_to_url(OS.get_cmdline_user_args()[0].trim_prefix("--url="))


func _process(_delta: float) -> bool:
	peer.poll()
	if peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		print(JSON.stringify({"event": "closed"}))
		return true
	if peer.get_ready_state() == WebSocketPeer.STATE_OPEN and not sent:
		sent = true
		for value in VALUES:
			peer.put_var(value)
	while peer.get_available_packet_count():
		var value: Variant = peer.get_var()
		print(JSON.stringify({"event": "back", "value": var_to_str(value), "same": value in VALUES}))
	return false
