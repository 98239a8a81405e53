extends PanelContainer
# A chat client for the room of demos/chat/server.py, or for any server that speaks "demo-chat".
# It uses WebSocketClient without the multiplayer API, and text messages.
#
# With options (see robot.gd) it runs without a person and prints one JSON object a line:
#   connected {protocol}, log {text} for every line of the log, closed {code, reason, clean}, quit {status}

const PROTOCOLS = ["demo-chat"]

onready var url_field = $Margin/Rows/Room/Url
onready var toggle = $Margin/Rows/Room/Connect
onready var log_view = $Margin/Rows/Log
onready var text_field = $Margin/Rows/Writing/Text
onready var send_button = $Margin/Rows/Writing/Send

var robot = preload("res://robot.gd").new(OS.get_cmdline_args())
var client = WebSocketClient.new()
var is_open = false
var is_joining = false
var age = 0.0
var leaving = false
var close_code = -1
var close_reason = ""


func _ready():
	client.connect("connection_established", self, "_established")
	client.connect("connection_closed", self, "_closed")
	client.connect("connection_error", self, "_closed")
	client.connect("server_close_request", self, "_close_request")
	client.connect("data_received", self, "_data_received")
	if robot.url != "":
		url_field.text = robot.url
		toggle.pressed = true


func _process(delta):
	client.poll()
	if is_open:
		follow_robot()
	age += delta
	if robot.quit_after > 0.0 and age > robot.quit_after:
		leave()


# --- Connection

func join():
	if url_field.text == "":
		show_connected(false)
		return
	is_joining = true
	close_code = -1
	close_reason = ""
	info("Connecting to %s" % url_field.text)
	var problem = client.connect_to_url(url_field.text, PROTOCOLS, false)
	if problem != OK and is_joining:
		is_joining = false
		info("Unable to connect: error %d" % problem)
		show_connected(false)


func _established(protocol):
	is_open = true
	client.get_peer(1).set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
	info("Connected with protocol: %s" % protocol)
	event("connected", {"protocol": protocol})
	show_connected(true)


func part():
	client.disconnect_from_host(1000)
	if is_open:
		close_code = 1000  # the signal of one's own close brings no code
	else:
		is_joining = false  # and of a connection that was still coming to be there is no signal
		show_connected(false)


func _close_request(code, reason):
	close_code = code
	close_reason = reason


func _closed(was_clean = false):
	is_open = false
	is_joining = false
	info("Disconnected with code: %d, reason: %s" % [close_code, close_reason])
	event("closed", {"code": close_code, "reason": close_reason, "clean": was_clean})
	show_connected(false)
	if robot.active:
		finish()


func _data_received():
	var peer = client.get_peer(1)
	while peer.get_available_packet_count() > 0:
		var packet = peer.get_packet()
		if not peer.was_string_packet():
			info("%d bytes that are not text" % packet.size())
			continue
		var message = packet.get_string_from_utf8()
		info(message)
		robot.heard(message)


func say(text):
	if text == "" or not is_open:
		return
	info("Sending message: %s" % text)
	var problem = client.get_peer(1).put_packet(text.to_utf8())
	if problem != OK:
		info("Not sent: error %d" % problem)


# --- Without a person

func follow_robot():
	var text = robot.next_text()
	while text != "":
		say(text)
		text = robot.next_text()
	if robot.is_done():
		leave()


func leave():
	if not is_open:
		finish()
	elif not leaving:
		leaving = true
		robot.quit_after = age + 3.0
		part()
	elif age > robot.quit_after:
		finish()


func finish():
	var status = 0 if robot.expect.empty() else 1
	event("quit", {"status": status, "missing": robot.expect})
	set_process(false)
	get_tree().quit(status)


func event(what, fields):
	if not robot.active:
		return
	var line = {"event": what, "ms": OS.get_ticks_msec()}
	for key in fields:
		line[key] = fields[key]
	print(JSON.print(line))


# --- Window

func info(line):
	log_view.add_text(line + "\n")
	if robot.active:
		event("log", {"text": line})
	else:
		print(line)


func show_connected(connected):
	toggle.set_pressed_no_signal(connected)
	toggle.text = "Disconnect" if connected else "Connect"
	url_field.editable = not connected
	send_button.disabled = not connected


func _on_connect_toggled(pressed):
	if pressed:
		join()
	else:
		part()


func _on_text_entered(text):
	say(text)
	if is_open:
		text_field.clear()


func _on_send_pressed():
	_on_text_entered(text_field.text)
