extends Node2D
# A player. The server sets position, title and score; the player's own program sets direction, nothing else.

var title := "":
	set(value):
		title = value
		refresh()
var score := 0:
	set(value):
		score = value
		refresh()
var direction := Vector2.ZERO


func _enter_tree() -> void:
	# The node's name is the id of the player's peer. Both sides have to set this before _ready.
	$Input.set_multiplayer_authority(name.to_int())


func _ready() -> void:
	refresh()


func is_own() -> bool:
	return $Input.is_multiplayer_authority()


func refresh() -> void:
	if is_node_ready():
		$Label.text = "%s  %d" % [title, score]
		queue_redraw()


func _draw() -> void:
	draw_circle(Vector2.ZERO, 16.0, Color.from_hsv(fmod(name.to_int() * 0.0713, 1.0), 0.6, 0.9))
	if is_own():
		draw_arc(Vector2.ZERO, 20.0, 0.0, TAU, 32, Color.WHITE, 2.0)
