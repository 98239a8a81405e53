extends CanvasLayer
# The best players, for everyone, wherever they are.

var titles := PackedStringArray():
	set(value):
		titles = value
		refresh()
var scores := PackedInt32Array():
	set(value):
		scores = value
		refresh()
var players := 0:
	set(value):
		players = value
		refresh()


func refresh() -> void:
	if not is_node_ready():
		return
	var lines := PackedStringArray(["Players: %d" % players])
	for i in mini(titles.size(), scores.size()):
		lines.append("%d. %s  %d" % [i + 1, titles[i], scores[i]])
	$Text.text = "\n".join(lines)
