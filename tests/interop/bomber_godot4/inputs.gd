extends Node

var motion := Vector2()
var bombing := false
