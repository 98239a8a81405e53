# Loads each script of a folder: prints whether the engine takes it, and the settings of its methods. Godot 4.
extends SceneTree


func _initialize() -> void:
	run.call_deferred()


func run() -> void:
	for file in DirAccess.get_files_at("res://"):
		if file.ends_with(".gd") and file != "stubs_check.gd":
			var script: Script = load("res://" + file)
			var usable := script != null and script.can_instantiate()
			var config: Variant = script.get_rpc_config() if usable else null
			var told := {"event": "script", "file": file, "usable": usable, "config": config if config else {}}
			if usable and script.get_script_method_list().any(func(one: Dictionary) -> bool: return one.name == "replication_config"):
				told["replicated"] = replicated_by(script)
			print(JSON.stringify(told))
	var members := {}
	for kind in ["Node", "Object"]:
		for one in ClassDB.class_get_method_list(kind, true): members[one.name] = true
		for one in ClassDB.class_get_signal_list(kind, true): members[one.name] = true
		for one in ClassDB.class_get_property_list(kind, true): members[one.name] = true
	print(JSON.stringify({"event": "members", "names": members.keys(), "classes": ClassDB.get_class_list()}))
	print(JSON.stringify({"event": "done"}))
	quit()


# The entries of the script's configuration, each with the first value of a variable of the script.
func replicated_by(script: Script) -> Array:
	var found := []
	var config: SceneReplicationConfig = script.call("replication_config")
	var node: Node = script.new()
	for path in config.get_properties():
		var value: Variant = node.get(str(path.get_subname(0)))
		found.append([str(path), config.property_get_replication_mode(path), config.property_get_spawn(path), var_to_str(value)])
	node.free()
	return found
