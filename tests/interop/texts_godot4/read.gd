extends SceneTree
# Reads texts of values, a JSON array of strings, each as the one element of an array.
# Writes for each a line: the bytes of that array in hexadecimal digits, or nothing where the engine cannot read it.
#
#   godot 4 --headless --path FOLDER --script read.gd -- TEXTS RESULTS


func _init() -> void:
	var places := OS.get_cmdline_user_args()
	var texts: Array = JSON.parse_string(FileAccess.get_file_as_string(places[0]))
	var results := FileAccess.open(places[1], FileAccess.WRITE)
	for text: String in texts:
		var value: Variant = str_to_var("[%s\n]" % text)
		results.store_line(var_to_bytes(value).hex_encode() if value is Array else "")
	results.close()
	quit()
