extends "res://base.gd"
@rpc func a(): pass
