extends Node
@rpc func m(): pass
@rpc func n(): pass
func _ready():
	rpc_config("zz", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER})
	rpc_config("zz", null)
	rpc_config("m", null)
	rpc_config("off", {"rpc_mode": MultiplayerAPI.RPC_MODE_DISABLED})
	rpc_config("nomode", {"call_local": true})
