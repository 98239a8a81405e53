extends "res://outer.gd".Inner3
@rpc func x(): pass
