extends PanelContainer
# A chat client for the room of demos/chat/server.py, or for any server that speaks "demo-chat".
#
# With options (see robot.gd) it runs without a person and prints one JSON object a line:
#   connected {protocol}, log {text} for every line of the log, closed {code, reason}, quit {status}

const PROTOCOLS := ["demo-chat"]

@onready var url_field: LineEdit = $Margin/Rows/Room/Url
@onready var toggle: Button = $Margin/Rows/Room/Connect
@onready var log_view: RichTextLabel = $Margin/Rows/Log
@onready var text_field: LineEdit = $Margin/Rows/Writing/Text
@onready var send_button: Button = $Margin/Rows/Writing/Send

var robot = preload("res://robot.gd").new(OS.get_cmdline_user_args())
var peer := WebSocketPeer.new()
var state := WebSocketPeer.STATE_CLOSED
var age := 0.0
var leaving := false


func _ready() -> void:
	if robot.url != "":
		url_field.text = robot.url
		toggle.button_pressed = true


func _process(delta: float) -> void:
	peer.poll()
	var now := peer.get_ready_state()
	if now != state:
		state = now
		state_changed()
	if state == WebSocketPeer.STATE_OPEN:
		read()
		follow_robot()
	age += delta
	if robot.quit_after > 0.0 and age > robot.quit_after:
		leave()


# --- Connection

func join() -> void:
	if url_field.text == "":
		toggle.set_pressed_no_signal(false)
		return
	peer.supported_protocols = PackedStringArray(PROTOCOLS)
	var problem := peer.connect_to_url(url_field.text)
	if problem != OK:
		info("Unable to connect: %s" % error_string(problem))
		show_connected(false)
		return
	state = WebSocketPeer.STATE_CONNECTING
	info("Connecting to %s" % url_field.text)


func state_changed() -> void:
	match state:
		WebSocketPeer.STATE_OPEN:
			info("Connected with protocol: %s" % peer.get_selected_protocol())
			event("connected", {"protocol": peer.get_selected_protocol()})
			show_connected(true)
		WebSocketPeer.STATE_CLOSED:
			info("Disconnected with code: %d, reason: %s" % [peer.get_close_code(), peer.get_close_reason()])
			event("closed", {"code": peer.get_close_code(), "reason": peer.get_close_reason()})
			show_connected(false)
			if robot.active:
				finish()


func read() -> void:
	while peer.get_available_packet_count() > 0:
		var packet := peer.get_packet()
		if not peer.was_string_packet():
			info("%d bytes that are not text" % packet.size())
			continue
		var message := packet.get_string_from_utf8()
		info(message)
		robot.heard(message)


func say(text: String) -> void:
	if text == "" or state != WebSocketPeer.STATE_OPEN:
		return
	info("Sending message: %s" % text)
	var problem := peer.send_text(text)
	if problem != OK:
		info("Not sent: %s" % error_string(problem))


# --- Without a person

func follow_robot() -> void:
	var text: String = robot.next_text()
	while text != "":
		say(text)
		text = robot.next_text()
	if robot.is_done():
		leave()


func leave() -> void:
	if state == WebSocketPeer.STATE_CLOSED:
		finish()
	elif not leaving:
		leaving = true
		robot.quit_after = age + 3.0
		peer.close(1000)
	elif age > robot.quit_after:
		finish()


func finish() -> void:
	var status := 0 if robot.expect.is_empty() else 1
	event("quit", {"status": status, "missing": robot.expect})
	set_process(false)
	get_tree().quit(status)


func event(what: String, fields: Dictionary) -> void:
	if robot.active:
		print(JSON.stringify({"event": what, "ms": Time.get_ticks_msec()}.merged(fields)))


# --- Window

func info(line: String) -> void:
	log_view.add_text(line + "\n")
	if robot.active:
		event("log", {"text": line})
	else:
		print(line)


func show_connected(connected: bool) -> void:
	toggle.set_pressed_no_signal(connected)
	toggle.text = "Disconnect" if connected else "Connect"
	url_field.editable = not connected
	send_button.disabled = not connected


func _on_connect_toggled(pressed: bool) -> void:
	if pressed:
		join()
	else:
		peer.close(1000)


func _on_text_submitted(text: String) -> void:
	say(text)
	if state == WebSocketPeer.STATE_OPEN:
		text_field.clear()


func _on_send_pressed() -> void:
	_on_text_submitted(text_field.text)
