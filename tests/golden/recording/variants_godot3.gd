extends SceneTree
# Prints one JSON object per value: how Godot 3 writes it with var2bytes.
#   python -m tests.golden.recording values

const CASES = [
	["nil", "null"],
	["bool_true", "true"],
	["bool_false", "false"],
	["int_zero", "0"],
	["int_one", "1"],
	["int_minus_one", "-1"],
	["int_127", "127"],
	["int_128", "128"],
	["int_255", "255"],
	["int_256", "256"],
	["int_minus_128", "-128"],
	["int_minus_129", "-129"],
	["int_65535", "65535"],
	["int_65536", "65536"],
	["int_max_32", "2147483647"],
	["int_max_32_plus_1", "2147483648"],
	["int_min_32", "-2147483648"],
	["int_min_32_minus_1", "-2147483649"],
	["int_max_u32", "4294967295"],
	["int_2_53_plus_1", "9007199254740993"],
	["int_max_64", "9223372036854775807"],
	["int_min_64", "-9223372036854775807 - 1"],
	["float_zero", "0.0"],
	["float_minus_zero", "-0.0"],
	["float_one", "1.0"],
	["float_half", "0.5"],
	["float_minus", "-2.25"],
	["float_third_needs_64", "1.0 / 3.0"],
	["float_tenth_needs_64", "0.1"],
	["float_pi_needs_64", "PI"],
	["float_2_24_plus_1", "16777217.0"],
	["float_above_max_32", "3.5e38"],
	["float_big", "1e300"],
	["float_inf", "INF"],
	["float_minus_inf", "-INF"],
	["float_nan", "NAN"],
	["string_empty", "\"\""],
	["string_1", "\"a\""],
	["string_2", "\"ab\""],
	["string_3", "\"abc\""],
	["string_4", "\"abcd\""],
	["string_5", "\"abcde\""],
	["string_latin", "\"héllo\""],
	["string_cjk", "\"日本語\""],
	["string_emoji", "\"🙂🚀\""],
	["string_newline_quote", "\"a\\n\\t\\\"b\\\"\\\\\""],
	["string_long", "\"0123456789\".repeat(30)"],
	["vector2_zero", "Vector2()"],
	["vector2", "Vector2(1.5, -2.25)"],
	["vector2_inexact", "Vector2(0.1, 1.0 / 3.0)"],
	["vector2_inf_nan", "Vector2(INF, NAN)"],
	["rect2", "Rect2(1, 2, 3.5, 4.5)"],
	["rect2_negative", "Rect2(-1, -2, -3, -4)"],
	["vector3_zero", "Vector3()"],
	["vector3", "Vector3(1, -2, 3.5)"],
	["transform2d_identity", "Transform2D.IDENTITY"],
	["transform2d_columns", "Transform2D(Vector2(1, 2), Vector2(3, 4), Vector2(5, 6))"],
	["transform2d_rotated", "Transform2D(0.5, Vector2(10, 20))"],
	["plane", "Plane(0, 1, 0, 5)"],
	["plane_abcd", "Plane(1, 2, 3, 4)"],
	["quat_identity", "Quat()"],
	["quat", "Quat(0.1, 0.2, 0.3, 0.4)"],
	["aabb", "AABB(Vector3(1, 2, 3), Vector3(4, 5, 6))"],
	["basis_identity", "Basis.IDENTITY"],
	["basis_axes_1_to_9", "Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9))"],
	["transform_identity", "Transform.IDENTITY"],
	["transform_1_to_12", "Transform(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9), Vector3(10, 11, 12))"],
	["color_opaque", "Color(1, 0.5, 0.25)"],
	["color_alpha", "Color(0.1, 0.2, 0.3, 0.4)"],
	["color_overbright", "Color(2, -1, 0, 1)"],
	["node_path_empty", "NodePath(\"\")"],
	["node_path_relative", "NodePath(\"a/b\")"],
	["node_path_one", "@\"Player\""],
	["node_path_parent", "NodePath(\"../Sibling\")"],
	["node_path_absolute", "NodePath(\"/root/Main\")"],
	["node_path_subname", "NodePath(\"Sprite:position\")"],
	["node_path_subnames", "NodePath(\"/root/Main/Sprite:position:x\")"],
	["node_path_only_subnames", "NodePath(\":position:x\")"],
	["node_path_unicode", "NodePath(\"/root/Käse\")"],
	["rid_empty", "RID()"],
	["object_ref", "Reference.new()"],
	["array_empty", "[]"],
	["array_ints", "[1, 2, 3]"],
	["array_mixed", "[1, \"two\", 3.0, null, true, Vector2(4, 5)]"],
	["array_nested", "[[], [1, [2, [3]]], {\"k\": [4]}]"],
	["array_of_nil", "[null, null]"],
	["array_with_object", "[Reference.new()]"],
	["dictionary_empty", "{}"],
	["dictionary_string_keys", "{\"a\": 1, \"b\": 2}"],
	["dictionary_order", "{\"z\": 1, \"a\": 2, \"m\": 3}"],
	["dictionary_mixed_keys", "{1: \"int\", \"s\": 2.5, Vector2(1, 2): null, true: false}"],
	["dictionary_null_key", "{null: 1}"],
	["dictionary_nested", "{\"a\": {\"b\": {\"c\": [1, {\"d\": 2}]}}}"],
	["pool_byte_empty", "PoolByteArray()"],
	["pool_byte_1", "PoolByteArray([255])"],
	["pool_byte_3", "PoolByteArray([1, 2, 3])"],
	["pool_byte_4", "PoolByteArray([1, 2, 3, 4])"],
	["pool_byte_5", "PoolByteArray([1, 2, 3, 4, 5])"],
	["pool_int_empty", "PoolIntArray()"],
	["pool_int", "PoolIntArray([1, -2, 2147483647, -2147483648])"],
	["pool_real_empty", "PoolRealArray()"],
	["pool_real", "PoolRealArray([0.5, 0.1, INF])"],
	["pool_string_empty", "PoolStringArray()"],
	["pool_string_one_empty", "PoolStringArray([\"\"])"],
	["pool_string", "PoolStringArray([\"a\", \"bc\", \"def\", \"ghij\", \"é\"])"],
	["pool_vector2_empty", "PoolVector2Array()"],
	["pool_vector2", "PoolVector2Array([Vector2(1, 2), Vector2(-3.5, 0.1)])"],
	["pool_vector3_empty", "PoolVector3Array()"],
	["pool_vector3", "PoolVector3Array([Vector3(1, 2, 3), Vector3(-4, 5.5, 6)])"],
	["pool_color_empty", "PoolColorArray()"],
	["pool_color", "PoolColorArray([Color(1, 0, 0), Color(0.1, 0.2, 0.3, 0.4)])"],
	["all_in_one", "{\"n\": null, \"b\": true, \"i\": -7, \"f\": 0.1, \"s\": \"txt\", \"v\": Vector3(1, 2, 3), \"a\": [1, 2], \"p\": PoolStringArray([\"x\"])}"],
]

const OBJECTS = ["object_ref", "array_with_object"]


func _init():
	var source = "extends Reference\n"
	for case in CASES:
		source += "static func %s():\n\treturn %s\n" % ["v_" + case[0], case[1]]
	var script = GDScript.new()
	script.source_code = source
	if script.reload() != OK:
		quit(1)
		return
	var holder = script.new()
	for case in CASES:
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
