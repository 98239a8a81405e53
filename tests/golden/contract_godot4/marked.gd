extends Node
@rpc
func with_mark(): pass
