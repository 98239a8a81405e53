extends Node
@rpc func größe(): pass
@rpc func Ärger(): pass
@rpc func zebra(): pass
@rpc func 名前(): pass
