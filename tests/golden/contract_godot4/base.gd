extends Node

@rpc("authority", "call_local", "reliable") func p(a = 3):
	pass

@rpc("any_peer") func q(): pass
