extends "res://root_inst.gd"
@rpc func ro(): pass
