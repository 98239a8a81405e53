extends SceneTree
# Prints one JSON object for each value of variants.txt, with the bytes that var2bytes of Godot 3 writes.
#   python -m tests.golden.recording values

const OBJECTS = ["object_ref", "array_with_object"]


func _init():
	var cases = read_cases()
	var source = "extends Reference\n"
	for case in cases:
		source += "static func %s():\n\treturn %s\n" % ["v_" + case[0], case[1]]
	var script = GDScript.new()
	script.source_code = source
	if script.reload() != OK:
		quit(1)
		return
	var holder = script.new()
	for case in cases:
		var value = holder.call("v_" + case[0])
		var bytes = var2bytes(value)
		var line = {
			"name": case[0], "gdscript": case[1], "type": typeof(value),
			"str": var2str(value), "hex": bytes.hex_encode(),
			"back": var2str(bytes2var(bytes)),
		}
		if case[0] in OBJECTS:
			line["hex_with_objects"] = var2bytes(value, true).hex_encode()
			line["varies"] = true
		print(JSON.print(line))
	quit(0)


func read_cases():
	var file = File.new()
	file.open("res://variants.txt", File.READ)
	var cases = []
	for line in file.get_as_text().split("\n", false):
		var words = line.split(" ", true, 2)
		if "3" in words[0]:
			cases.append([words[1], words[2]])
	return cases
