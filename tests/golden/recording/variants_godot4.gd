extends SceneTree
# Prints one JSON object for each value of variants.txt, with the bytes that var_to_bytes of Godot 4 writes.
#   python -m tests.golden.recording values

# The plain form of these values loses the object, so var_to_bytes_with_objects is recorded too.
const OBJECTS := ["object_null", "object_ref", "array_with_object", "array_typed_ref",
	"array_typed_node", "array_typed_object", "callable_method", "signal_of_object"]


func _initialize() -> void:
	var cases := read_cases()
	var source := "extends RefCounted\n"
	for case in cases:
		source += "static func %s():\n\treturn %s\n" % ["v_" + case[0], case[1]]
	var script := GDScript.new()
	script.source_code = source
	if script.reload() != OK:
		quit(1)
		return
	for case in cases:
		var value: Variant = script.call("v_" + case[0])
		var bytes := var_to_bytes(value)
		var back: Variant = bytes_to_var(bytes)
		var line := {
			"name": case[0], "gdscript": case[1], "type": typeof(value),
			"str": var_to_str(value), "hex": bytes.hex_encode(),
			"back": var_to_str(back),
		}
		if case[0] in OBJECTS:
			line["hex_with_objects"] = var_to_bytes_with_objects(value).hex_encode()
		# The ids of objects differ from run to run.
		if "object_ref" in case[0] or case[0] in ["array_with_object", "array_typed_ref", "signal_of_object", "callable_method"]:
			line["varies"] = true
		print(JSON.stringify(line, "", false))
	quit(0)


func read_cases() -> Array[PackedStringArray]:
	var cases: Array[PackedStringArray] = []
	for line in FileAccess.open("res://variants.txt", FileAccess.READ).get_as_text().split("\n", false):
		var words := line.split(" ", true, 2)
		if "4" in words[0]:
			cases.append(words.slice(1))
	return cases
