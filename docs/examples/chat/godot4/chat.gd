extends Node

var peer := WebSocketPeer.new()
var greeted := false


func _ready() -> void:
	peer.supported_protocols = ["demo-chat"]
	if peer.connect_to_url("ws://127.0.0.1:8000/") != OK:
		print("Unable to connect")
		set_process(false)


func _process(_delta: float) -> void:
	peer.poll()
	match peer.get_ready_state():
		WebSocketPeer.STATE_OPEN:
			if not greeted:
				greeted = true
				peer.send_text("hello from Godot")
			while peer.get_available_packet_count():
				print(peer.get_packet().get_string_from_utf8())
		WebSocketPeer.STATE_CLOSED:
			print("Closed with code: ", peer.get_close_code())
			set_process(false)
