# Evaluates every line of variant_math.txt in a real engine, and prints variant_math_godot4.json.
#
#     python -m tests.golden.recording math
#
# A line is an expression that GDScript and Python read in the same way. Recorded is what `var_to_bytes` makes of its
# value, in hex, and what `str` and `var_to_str` make of it. An error of the script (a vector that is not normalized)
# goes to stderr: no line may cause one. "numbers" are floats of all sizes: their 64 bits in hex, and `var_to_str`.
extends SceneTree


func _initialize() -> void:
	var lines := FileAccess.open("res://variant_math.txt", FileAccess.READ).get_as_text().split("\n", false)
	var entries := PackedStringArray()
	for line in lines:
		if not line.begins_with("#"):
			var value: Variant = evaluate(line)
			var record := {
				"expression": line,
				"hex": var_to_bytes(value).hex_encode(),
				"str": str(value),
				"text": var_to_str(value),
			}
			entries.append(JSON.stringify(record, "", false))
	print('{"engine": "%s", "values": [' % Engine.get_version_info()["string"])
	print(",\n".join(entries))
	print('], "numbers": [')
	print(",\n".join(numbers()))
	print("]}")
	quit()


func evaluate(expression: String) -> Variant:
	var script := GDScript.new()
	script.source_code = "extends RefCounted\nfunc value():\n\treturn " + expression
	if script.reload() != OK:
		printerr("does not parse: ", expression)
		return null
	return script.new().value()


func numbers() -> PackedStringArray:
	var found := PackedFloat64Array([0.0, -0.0, INF, -INF, NAN])
	var random := RandomNumberGenerator.new()
	random.seed = 4
	for i in 700:
		found.append(PackedInt64Array([random.randi() << 32 | random.randi()]).to_byte_array().decode_double(0))
		found.append(PackedInt32Array([random.randi()]).to_byte_array().decode_float(0))
		found.append(random.randf_range(-1, 1) * 10.0 ** random.randi_range(-8, 18))
	for i in range(-30, 40):
		found.append(10.0 ** i)
		found.append(2.0 ** i)
	var texts := PackedStringArray()
	for number in found:
		texts.append('["%s", "%s"]' % [PackedFloat64Array([number]).to_byte_array().hex_encode(), var_to_str(number)])
	return texts
