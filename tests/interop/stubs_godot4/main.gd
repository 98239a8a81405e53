extends "res://base.gd"


# Keeps the words of the base.
func state_changed(state: State = State.RUN) -> void:
	Tell.heard(self, "state_changed", [state])


@rpc("any_peer", "call_remote", "reliable", 1 + 1)
func import(factor: float) -> void:
	Tell.heard(self, "import", [factor])


@rpc("any_peer")
func größe(value) -> void:
	Tell.heard(self, "größe", [value])


@rpc("any_peer")
func __secret(number: int = 0xff) -> void:
	Tell.heard(self, "__secret", [number])


@rpc("any_peer")
func _leave(...rest: Array) -> void:
	Tell.heard(self, "_leave", rest)
