extends Node
@rpc func an(): pass
@rpc func am(): pass
