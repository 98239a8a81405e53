extends Control

const Tell := preload("res://tell.gd")


@rpc("authority", "reliable")
func show_texts(texts: PackedStringArray, color := Color.RED, who: Node = null) -> void:
	Tell.heard(self, "show_texts", [texts, color, who])


@rpc("any_peer", "unreliable_ordered")
func clicked(at: Vector2i, more: Dictionary, list: PackedInt64Array) -> void:
	Tell.heard(self, "clicked", [at, more, list])
