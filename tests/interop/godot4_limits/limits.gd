extends Node
# A server with the engine's default buffers: one client, its packets' lengths, and how it ended, as JSON lines.

var listener := TCPServer.new()
var peer := WebSocketPeer.new()
var joined := false
var deadline := 20.0


func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what}.merged(fields)))


func _ready() -> void:
	if listener.listen(0, "127.0.0.1") != OK:
		get_tree().quit(3)
	event("listening", {"port": listener.get_local_port()})


func _process(delta: float) -> void:
	deadline -= delta
	if deadline < 0.0:
		get_tree().quit(2)
	if not joined and listener.is_connection_available():
		joined = peer.accept_stream(listener.take_connection()) == OK
	peer.poll()
	while peer.get_available_packet_count() > 0:
		event("packet", {"length": peer.get_packet().size()})
	if joined and peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		event("closed", {"code": peer.get_close_code(), "reason": peer.get_close_reason()})
		get_tree().quit(0)
