extends Node
# A method and a property for each mode: by_MODE, of_MODE. And a method and a property that make another call, of
# /root/Main, where they are called or set locally: shout, announced.

remote var of_remote = 0 setget set_remote
master var of_master = 0 setget set_master
puppet var of_puppet = 0 setget set_puppet
remotesync var of_remotesync = 0 setget set_remotesync
mastersync var of_mastersync = 0 setget set_mastersync
puppetsync var of_puppetsync = 0 setget set_puppetsync
remotesync var announced = 0 setget announce


remote func by_remote(number):
	heard("by_remote", number)


master func by_master(number):
	heard("by_master", number)


puppet func by_puppet(number):
	heard("by_puppet", number)


remotesync func by_remotesync(number):
	heard("by_remotesync", number)


mastersync func by_mastersync(number):
	heard("by_mastersync", number)


puppetsync func by_puppetsync(number):
	heard("by_puppetsync", number)


remotesync func shout(number):
	call_too(number)


func announce(value):
	announced = value
	call_too(value)


func call_too(number):
	if get_tree().get_rpc_sender_id() == get_tree().get_network_unique_id():
		get_parent().rpc("loose", number)


func set_remote(value):
	of_remote = value
	heard("of_remote", value)


func set_master(value):
	of_master = value
	heard("of_master", value)


func set_puppet(value):
	of_puppet = value
	heard("of_puppet", value)


func set_remotesync(value):
	of_remotesync = value
	heard("of_remotesync", value)


func set_mastersync(value):
	of_mastersync = value
	heard("of_mastersync", value)


func set_puppetsync(value):
	of_puppetsync = value
	heard("of_puppetsync", value)


func heard(name, value):
	get_parent().io.event("mode", {"name": name, "from": get_tree().get_rpc_sender_id(), "value": value})
