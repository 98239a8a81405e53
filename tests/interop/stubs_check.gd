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
			print(JSON.stringify({"event": "script", "file": file, "usable": usable, "config": config if config else {}}))
	var members := {}
	for kind in ["Node", "Object"]:
		for one in ClassDB.class_get_method_list(kind, true): members[one.name] = true
		for one in ClassDB.class_get_signal_list(kind, true): members[one.name] = true
		for one in ClassDB.class_get_property_list(kind, true): members[one.name] = true
	print(JSON.stringify({"event": "members", "names": members.keys()}))
	print(JSON.stringify({"event": "done"}))
	quit()
