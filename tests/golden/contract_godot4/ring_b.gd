extends "res://ring_a.gd"
@rpc func b(): pass
