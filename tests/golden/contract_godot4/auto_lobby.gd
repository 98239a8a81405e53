extends Node
@rpc func lo(): pass
