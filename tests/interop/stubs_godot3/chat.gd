extends Node

const Tell = preload("res://tell.gd")


remote func say(text: String, list: PoolIntArray, _object = null):
	Tell.heard(self, "say", [text, list])
