extends Node2D
# A coin. The server takes it away when a player comes near; its worth grows.

var worth := 1:
	set(value):
		worth = value
		queue_redraw()


func _draw() -> void:
	draw_circle(Vector2.ZERO, 6.0 + worth, Color.GOLD)
