extends Node
# grüße
@rpc func lost(): pass
