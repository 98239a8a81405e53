extends Node
@rpc func leaf(): pass
