extends Node
# Calls the server and all other players several times a second, and prints what it hears.
#
# Frames with calls are slow. So cut connections are mostly noticed by sending, and calls to a player who has just come
# back are on their way.

const SLOW = 70

var number = 0


func _ready():
	get_tree().connect("network_peer_connected", self, "came")
	get_tree().connect("network_peer_disconnected", self, "went")
	get_tree().connect("connected_to_server", self, "joined")
	get_tree().connect("connection_failed", self, "lost", ["connection_failed"])
	get_tree().connect("server_disconnected", self, "lost", ["server_disconnected"])
	var timer = Timer.new()
	timer.wait_time = 0.1
	timer.connect("timeout", self, "call_all")
	add_child(timer)
	timer.start()


func event(name, fields = {}):
	fields["event"] = name
	print(to_json(fields))


func came(id):
	event("peer_connected", {"id": id})


func went(id):
	event("peer_disconnected", {"id": id})


func joined():
	event("connected", {"id": get_tree().get_network_unique_id()})


func lost(name):
	event(name)


func call_all():
	OS.delay_msec(SLOW)
	number += 1
	call_one(1, "up")
	for id in get_tree().get_network_connected_peers():
		if id != 1:
			call_one(id, "ping")


func call_one(id, method):
	var is_connected = get_tree().network_peer.get_connection_status() == NetworkedMultiplayerPeer.CONNECTION_CONNECTED
	if is_connected and id in get_tree().get_network_connected_peers():
		rpc_id(id, method, number)


remote func up(_number):
	pass


remote func down(text):
	event("down", {"text": text})


remote func ping(count):
	event("ping", {"from": get_tree().get_rpc_sender_id(), "number": count})
