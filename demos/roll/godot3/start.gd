extends GridContainer
# Four tables in one window, each with a MultiplayerAPI of its own that is rooted at the table: four players in one
# process. With options (see robot.gd) there is one table, and it needs no person.

const Robot = preload("res://robot.gd")
const TABLE = preload("res://table.tscn")


func _ready():
	var robot = Robot.new(OS.get_cmdline_args())
	if robot.active:
		columns = 1
		robot.table = add_table("Table1")
		add_child(robot)
		return
	robot.free()
	for number in range(1, 5):
		add_table("Table%d" % number)


func add_table(table_name):
	var table = TABLE.instance()
	table.name = table_name
	var api = MultiplayerAPI.new()
	api.root_node = table
	# It is not inherited: every node that calls or is called needs it.
	table.custom_multiplayer = api
	table.get_node("Panel/VBoxContainer/Game").custom_multiplayer = api
	add_child(table)
	return table
