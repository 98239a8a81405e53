extends Node
@rpc func m(): pass
func _ready():
	rpc_config(&"zz", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER})
	rpc_config(&"aa", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER})
