extends Node

@rpc func zeta(): pass
@rpc func Big(): pass
@rpc func _under(): pass
@rpc func a2(): pass
@rpc func a10(): pass
func plain(): pass
