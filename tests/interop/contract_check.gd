# What the engine itself says of a project's scripts and scenes: a line of JSON for each script that is named, with the
# names and the checksum as they leave for another peer, and one for each node of the tree.
extends SceneTree


class Wire extends MultiplayerPeerExtension:
	var packets: Array[PackedByteArray] = []

	func _put_packet_script(packet: PackedByteArray) -> Error:
		packets.append(packet)
		return OK

	func _get_packet_script() -> PackedByteArray: return PackedByteArray()
	func _get_available_packet_count() -> int: return 0
	func _get_max_packet_size() -> int: return 1 << 24
	func _get_packet_channel() -> int: return 0
	func _get_packet_mode() -> TransferMode: return TRANSFER_MODE_RELIABLE
	func _get_packet_peer() -> int: return 0
	func _set_transfer_channel(_channel: int) -> void: pass
	func _get_transfer_channel() -> int: return 0
	func _set_transfer_mode(_mode: TransferMode) -> void: pass
	func _get_transfer_mode() -> TransferMode: return TRANSFER_MODE_RELIABLE
	func _set_target_peer(_peer: int) -> void: pass
	func _is_server() -> bool: return true
	func _poll() -> void: pass
	func _close() -> void: pass
	func _disconnect_peer(_peer: int, _force: bool) -> void: pass
	func _get_unique_id() -> int: return 1
	func _set_refuse_new_connections(_enable: bool) -> void: pass
	func _is_refusing_new_connections() -> bool: return false
	func _is_server_relay_supported() -> bool: return false
	func _get_connection_status() -> ConnectionStatus: return CONNECTION_CONNECTED


var wire := Wire.new()


func _initialize() -> void:
	run.call_deferred()


func run() -> void:
	root.multiplayer.multiplayer_peer = wire
	wire.peer_connected.emit(2)
	var main := (load("res://main.tscn") as PackedScene).instantiate()
	root.add_child(main)
	for child in root.get_children():
		tell_tree(child)
	for id in OS.get_cmdline_user_args():
		tell_script(id)
	print(JSON.stringify({"event": "done"}))
	quit()


func tell_tree(node: Node) -> void:
	var script: Script = node.get_script()
	print(JSON.stringify({
		"event": "node",
		"path": str(root.get_path_to(node)),
		"script": null if script == null else script.resource_path,
	}))
	for child in node.get_children():
		tell_tree(child)


func find(id: String) -> Script:
	if ".tscn::" in id:
		return root.get_node("Main/D").get_script()
	var parts := id.substr(6).split("::")
	var script: Script = load("res://" + parts[0])
	for part in parts.slice(1):
		script = script.get_script_constant_map()[part]
	return script


func tell_script(id: String) -> void:
	var script := find(id)
	var names := []
	var config := {}
	var arguments := {}
	var by_code := {}
	if script != null and script.can_instantiate():
		var node: Node = script.new()
		node.name = "Case"
		root.add_child(node)
		config = all_config(script)
		names = config.keys()
		names.sort()
		for method in node.get_method_list():
			if method["name"] in config and not method["name"] in arguments:
				arguments[method["name"]] = arguments_of(method)
		var own: Variant = node.get_node_rpc_config()
		for method: StringName in own if own is Dictionary else {}:
			by_code[String(method)] = own[method].get("rpc_mode", -1)
		wire.packets.clear()
		if names:
			node.rpc_id(2, names[0])
		root.remove_child(node)
		node.free()
	var checksum := ""
	for packet in wire.packets:
		var text := packet.slice(1, 33).get_string_from_ascii()
		if checksum == "" and text.is_valid_hex_number():
			checksum = text
	wire.packets.clear()
	print(JSON.stringify({"event": "script", "id": id, "names": names, "checksum": checksum, "config": config,
		"arguments": arguments, "by_code": by_code}))


func arguments_of(method: Dictionary) -> Array:
	var found := []
	var first_default: int = method["args"].size() - method["default_args"].size()
	for at: int in method["args"].size():
		var one: Dictionary = method["args"][at]
		found.append([one["name"], one["type"], at >= first_default])
	return found


func all_config(script: Script) -> Dictionary:
	var found := {}
	var config: Variant = script.get_rpc_config()
	if config is Dictionary:
		for name: StringName in config:
			found[String(name)] = config[name]
	return found
