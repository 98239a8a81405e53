# Prints what the engine's own nodes have: every method, property, signal and constant, one name a line.
#
# In this folder, with Godot 4 and with Godot 3:
#
#     godot --headless --no-header --path . --script record_members.gd | sed -n 's|^Node ||p' > members_godot4.txt
#     godot3-server --path . --script record_members.gd | sed -n 's|^Node ||p' > members_godot3.txt
extends SceneTree


func _init():
	var found = {}
	for member in ClassDB.class_get_method_list("Node") + ClassDB.class_get_property_list("Node"):
		found[member["name"]] = true
	for member in ClassDB.class_get_signal_list("Node"):
		found[member["name"]] = true
	for name in ClassDB.class_get_integer_constant_list("Node"):
		found[name] = true
	var names = found.keys()
	names.sort()
	for name in names:
		print("Node ", name)
	quit()
