extends Node
# The server of a load test: once all clients are there it calls them in turn, so many times a second, while they call
# it; it checks the order of each client's calls. The counterpart of tests/support/rpc_load.py.
#
#   --port=N --clients=N --rate=N --total=N

var io := {}
var started := -1
var sent := 0
var received := 0
var disordered := 0
var expected := {}
var next := {}
var first := 0
var last := 0
var done := false


@rpc("any_peer", "reliable")
func up(number: int, _text: String) -> void:
	var from := multiplayer.get_remote_sender_id()
	last = Time.get_ticks_usec()
	if received == 0:
		first = last
	received += 1
	if number != expected.get(from, 0):
		disordered += 1
	expected[from] = number + 1


@rpc("authority", "reliable")
func down(_number: int, _text: String) -> void:
	pass


func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what}.merged(fields)))


func _ready() -> void:
	for word in OS.get_cmdline_user_args():
		io[word.get_slice("=", 0).trim_prefix("--")] = int(word.get_slice("=", 1))
	var peer := WebSocketMultiplayerPeer.new()
	if peer.create_server(io.port, "127.0.0.1") != OK:
		get_tree().quit(3)
		return
	multiplayer.multiplayer_peer = peer
	event("listening")


func _process(_delta: float) -> void:
	var peers := multiplayer.get_peers()
	if started < 0 and peers.size() == io.clients:
		started = Time.get_ticks_usec()
	if started < 0:
		return
	var due := mini(io.total, (Time.get_ticks_usec() - started) * io.rate / 1000000)
	while sent < due and not peers.is_empty():
		var peer_id := peers[sent % peers.size()]
		var number: int = next.get(peer_id, 0)
		down.rpc_id(peer_id, number, "to the client")
		next[peer_id] = number + 1
		sent += 1
	if received >= io.total and not done:
		done = true
		event("report", {"received": received, "disordered": disordered, "seconds": (last - first) / 1e6})
