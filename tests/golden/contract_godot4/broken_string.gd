extends Node
@rpc func lost(): pass
var text = "never closed
