extends Node
# The host moves the players by their inputs, and lays one bomb for each.


func _ready() -> void:
	$PlayerSpawner.spawned.connect(func(player: Node2D) -> void: tell("spawned", player.title, player.position))
	$BombSpawner.spawned.connect(func(bomb: Node2D) -> void: tell("bomb", title_of(bomb.from_player), bomb.position))
	$BombSpawner.despawned.connect(func(bomb: Node2D) -> void: tell("burnt", title_of(bomb.from_player), bomb.position))


func _process(_delta: float) -> void:
	if is_multiplayer_authority():
		for player: Node2D in $Players.get_children():
			player.position.x = min(player.position.x + 4 * player.get_node("Inputs").motion.x, 40)
			if player.get_node("Inputs").bombing and not player.has_laid:
				player.has_laid = true
				lay(player)


func lay(player: Node2D) -> void:
	var bomb: Node = $BombSpawner.spawn([player.position, int(str(player.name))])
	await get_tree().create_timer(0.2).timeout
	player.score += 1
	bomb.queue_free()


func title_of(id: int) -> String:
	return get_node("Players/%d" % id).title


static func tell(what: String, title: String, at: Vector2) -> void:
	print(JSON.stringify({"event": what, "title": title, "x": at.x, "y": at.y}))
