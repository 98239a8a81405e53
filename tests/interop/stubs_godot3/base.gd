extends Node

const Tell = preload("res://tell.gd")

enum State { IDLE, RUN = 4 }

remote var score = 0 setget set_score


func set_score(value):
	score = value
	Tell.heard(self, "score", [value])


# The subclass keeps the mode.
master func state_changed(_state: int = State.IDLE):
	pass


puppetsync func base_only(world: Transform = Transform()):
	Tell.heard(self, "base_only", [world])
