extends Node
# A node that can be called, with two properties that its owner sends.

var tick := 0
var mood := 0
var sync := MultiplayerSynchronizer.new()


func _enter_tree() -> void:
	sync.name = "Sync"
	var config := SceneReplicationConfig.new()
	config.add_property(^".:tick")
	config.add_property(^".:mood")
	config.property_set_replication_mode(^".:mood", SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)
	sync.replication_config = config
	add_child(sync)


func set_owner_id(id: int) -> void:
	sync.set_multiplayer_authority(id)


@rpc("any_peer") func ping(text: String) -> void:
	get_parent().event("ping", {"at": str(name), "from": multiplayer.get_remote_sender_id(), "text": text})
