extends Node
@rpc func m(): pass
func _ready():
	rpc_config("m", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER})
