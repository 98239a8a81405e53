extends Node

enum Mood { CALM, LOUD }

const Tell := preload("res://tell.gd")
const WORDS := "any_peer"


@rpc(WORDS, "call_local")
func say(text: StringName, mood: Mood = Mood.CALM) -> void:
	Tell.heard(self, "say", [text, mood])
