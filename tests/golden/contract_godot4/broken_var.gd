extends Node
@rpc func lost(): pass
@rpc var x = 1
