extends Node
# The server spawns units here, and keeps their place and colour the same for all.

var spawner := MultiplayerSpawner.new()


func _enter_tree() -> void:
	spawner.name = "Spawner"
	spawner.spawn_path = ^".."
	spawner.spawn_function = make_unit
	add_child(spawner)


func make_unit(number: int) -> Node:
	var unit := Node2D.new()
	unit.name = "Unit%d" % number
	var sync := MultiplayerSynchronizer.new()
	sync.name = "Sync"
	var config := SceneReplicationConfig.new()
	config.add_property(^".:position")
	config.add_property(^".:rotation")
	config.property_set_replication_mode(^".:rotation", SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)
	sync.replication_config = config
	unit.add_child(sync)
	return unit


func units() -> Dictionary:
	var found := {}
	for unit in get_children():
		if unit is Node2D:
			found[str(unit.name)] = [unit.position.x, unit.rotation]
	return found
