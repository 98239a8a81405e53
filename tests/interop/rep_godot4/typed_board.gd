extends Node
# The board with typed arrays and dictionaries, which take no untyped ones.

var score: Array[int] = []
var clock: Dictionary[String, int] = {}
var notes: Array[Vector2] = []
