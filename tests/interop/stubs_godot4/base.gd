extends Node

enum State { IDLE, RUN = 4 }

const Tell := preload("res://tell.gd")


@rpc("any_peer", "call_local", "unreliable")
func state_changed(_state: State = State.IDLE) -> void:
	pass


@rpc
func items_changed(items: Array[int], extra: Dictionary = {}) -> void:
	Tell.heard(self, "items_changed", [items, extra])
