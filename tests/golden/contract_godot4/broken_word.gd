extends Node
@rpc("anybody") func lost(): pass
