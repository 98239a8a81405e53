extends "res://ring_b.gd"
@rpc func a(): pass
