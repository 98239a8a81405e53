extends GridContainer
# Four tables in one window, each with a MultiplayerAPI of its own that is rooted at the table: four players in one
# process. With options (see robot.gd) there is one table, and it needs no person.

const Robot := preload("res://robot.gd")
const TABLE := preload("res://table.tscn")


func _ready() -> void:
	var robot := Robot.new(OS.get_cmdline_user_args())
	if robot.active:
		columns = 1
		robot.table = add_table("Table1")
		add_child(robot)
		return
	robot.free()
	for number in range(1, 5):
		add_table("Table%d" % number)


func add_table(table_name: String) -> Node:
	var table := TABLE.instantiate()
	table.name = table_name
	# The API has to be there first: the table connects its signals as it enters the tree.
	get_tree().set_multiplayer(MultiplayerAPI.create_default_interface(), NodePath("%s/%s" % [get_path(), table_name]))
	add_child(table)
	return table
