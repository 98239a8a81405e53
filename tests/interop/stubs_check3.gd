# Loads each script of a folder: prints whether the engine takes it, and its methods. Godot 3.
extends SceneTree


func _init():
	var folder = Directory.new()
	folder.open("res://")
	folder.list_dir_begin(true)
	var file = folder.get_next()
	while file != "":
		if file.ends_with(".gd") and file != "stubs_check3.gd":
			var script = load("res://" + file)
			var usable = script != null and script.can_instance()
			var names = []
			if usable:
				for one in script.get_script_method_list():
					names.append(one.name)
			print(JSON.print({"event": "script", "file": file, "usable": usable, "methods": names}))
		file = folder.get_next()
	var members = {}
	for kind in ["Node", "Object"]:
		for one in ClassDB.class_get_method_list(kind, true): members[one.name] = true
		for one in ClassDB.class_get_signal_list(kind, true): members[one.name] = true
		for one in ClassDB.class_get_property_list(kind, true): members[one.name] = true
	print(JSON.print({"event": "members", "names": members.keys(), "classes": ClassDB.get_class_list()}))
	print(JSON.print({"event": "done"}))
	quit()
