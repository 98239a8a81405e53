extends Node
# Calls the server and all other players several times a second, and prints what it hears.

var others = {}
var is_in = false
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
	if id != 1:
		others[id] = true
	event("peer_connected", {"id": id})


func went(id):
	others.erase(id)
	event("peer_disconnected", {"id": id})


func joined():
	is_in = true
	event("connected", {"id": get_tree().get_network_unique_id()})


func lost(name):
	is_in = false
	others = {}
	event(name)


func call_all():
	if not is_in:
		return
	number += 1
	rpc_id(1, "up", number)
	for id in others:
		rpc_id(id, "ping", number)


remote func up(_number):
	pass


remote func down(text):
	event("down", {"text": text})


remote func ping(count):
	event("ping", {"from": get_tree().get_rpc_sender_id(), "number": count})
