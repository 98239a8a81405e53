extends Node

var peer := WebSocketPeer.new()


func _ready() -> void:
	var options := TLSOptions.client(load("res://cert.crt"))
	peer.connect_to_url("wss://localhost:8443/", options)


func _process(_delta: float) -> void:
	peer.poll()
	if peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
		print("open")
		peer.close()
	elif peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		print("Closed with code: ", peer.get_close_code())
		set_process(false)
