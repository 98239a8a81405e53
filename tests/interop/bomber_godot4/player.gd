extends Node2D
# A player goes to the right, and there asks for a bomb.

var score := 0:
	set(points):
		if points != score:
			print(JSON.stringify({"event": "score", "title": title, "score": points}))
		score = points
var has_laid := false
var title: String:
	get: return $Label.text
	set(text): $Label.text = text


func _ready() -> void:
	$Inputs/InputSync.set_multiplayer_authority(int(str(name)))


func _process(_delta: float) -> void:
	if int(str(name)) == multiplayer.get_unique_id():
		$Inputs.bombing = position.x >= 40
		$Inputs.motion = Vector2(1, 0)
