@tool
extends Node
# @rpc func no1(): pass
## @rpc
func no2(): pass
const TEXT = "@rpc func no3(): pass"
const LONG = """
@rpc func no4(): pass
@rpc
func no5(): pass
"""
const LINES = "
@rpc func no6(): pass
"
const RAW = r"\" @rpc func no7(): pass"
const CHANNEL = 1
enum E { ZERO, TWO = 2 }

@rpc func f1(): pass
@rpc() func f2(): pass
@rpc ("any_peer") func f3(): pass
@rpc("unreliable", "any_peer", "call_local",) func f4(): pass
@rpc(
	"any_peer", # a comment with "quotes
	"call_local",

	"reliable",
	CHANNEL + 1
)
# between

@warning_ignore("unused_parameter")
func f5(a): pass
@warning_ignore("unused_parameter") @rpc func f6(a): pass
@rpc @warning_ignore("unused_parameter") func f7(a): pass
@rpc func \
	f8(): pass
@rpc(&"any_peer", "reliable", "call_remote", E.TWO) static func f9(): pass
@rpc("any" + "_peer") func f10(...rest: Array): pass
var value: int:
	set(v):
		var text = "@rpc func no8(): pass"
		value = v
	get: return value; # @rpc func no9(): pass
@rpc("any_peer", "unreliable_ordered") func f11(a = [func(): return ")"], b := {"func no10()": 1}) -> void:
	var inside = func named(): pass
	if a:
		print("""
@rpc func no11(): pass
""")
var first = 1; @rpc func f12(): pass
