extends Node
@rpc func lost(): pass
func lost(): pass
