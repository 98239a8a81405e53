extends SceneTree
# Reads texts of values, a JSON array of strings, each as the one element of an array.
# Writes for each a line: the bytes of that array in hexadecimal digits, or nothing where the engine cannot read it.
#
#   godot3 --no-window --path FOLDER --script read.gd TEXTS RESULTS


func _init() -> void:
	var places := OS.get_cmdline_args()
	var file := File.new()
	file.open(places[places.size() - 2], File.READ)
	var texts: Array = JSON.parse(file.get_as_text()).result
	file.close()
	file.open(places[places.size() - 1], File.WRITE)
	for text in texts:
		var value = str2var("[" + text + "\n]")
		file.store_line(var2bytes(value).hex_encode() if value is Array else "")
	file.close()
	quit()
