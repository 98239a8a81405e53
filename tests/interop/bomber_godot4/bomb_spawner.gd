extends MultiplayerSpawner


func _init() -> void:
	spawn_function = make_bomb


func make_bomb(data: Array) -> Node2D:
	var bomb := load("res://bomb.tscn").instantiate() as Node2D
	bomb.position = data[0]
	bomb.from_player = data[1]
	return bomb
