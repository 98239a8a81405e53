extends Node

const CHANNEL := 3


@rpc func outer(): pass


class Plain extends Node:
	@rpc func zeta(): pass
	@rpc func Big(): pass
	@rpc func _under(): pass
	@rpc func a2(): pass
	@rpc func a10(): pass
	func beside(): pass


class Base extends Node:
	@rpc("authority", "call_local", "reliable") func p(_a = 3): pass
	@rpc("any_peer") func q(): pass


class Inheriting extends Base:
	@rpc func a(): pass


class G1 extends Node:
	@rpc func g1m(): pass


class G2 extends G1:
	@rpc func g2m(): pass


class Third extends G2:
	@rpc func c3(): pass


class Replacing extends Base:
	@rpc("any_peer", "call_remote", "unreliable", 5) func p(_a = 3): pass


class Overriding extends Base:
	func p(_a = 3): pass


@abstract class Abstract extends Node:
	@rpc func conc(): pass
	@abstract func todo()


class Concrete extends Abstract:
	@rpc func todo(): pass


@abstract class Abstract2 extends Node:
	@rpc("any_peer")
	@abstract func todo2()
	@rpc func conc2(): pass


class Concrete2 extends Abstract2:
	func todo2(): pass


class Configuring extends Node:
	@rpc func m(): pass
	func zz(): pass
	func aa(): pass

	func _ready():
		rpc_config("zz", {"rpc_mode": 1})
		rpc_config("aa", {"rpc_mode": 1})


class Doubled extends Node:
	@rpc func m(): pass

	func _ready():
		rpc_config("m", {"rpc_mode": 1})


class TakenAway extends Node:
	@rpc func m(): pass
	@rpc func n(): pass
	func zz(): pass
	func off(): pass
	func nomode(): pass

	func _ready():
		rpc_config("zz", {"rpc_mode": 1})
		rpc_config("zz", null)
		rpc_config("m", null)
		rpc_config("off", {"rpc_mode": 0})
		rpc_config("nomode", {"call_local": false})


class Inner extends Node:
	@rpc func inn(): pass


class Inner2 extends Base:
	@rpc func inn2(): pass


class Inner3 extends Inner:
	@rpc func inn3(): pass


class OfInner extends Inner3:
	@rpc func x(): pass


class Letters extends Node:
	@rpc func größe(): pass
	@rpc func Ärger(): pass
	@rpc func zebra(): pass
	@rpc func 名前(): pass


class Net extends Node:
	@rpc func an(): pass
	@rpc func am(): pass


class OfNet extends Net:
	@rpc func ab(): pass


class Forms extends Node:
	# @rpc func no1(): pass
	const TEXT := "@rpc func no2(): pass"
	const LONG := """
	@rpc
	func no3(): pass
"""
	@rpc func f1(): pass
	@rpc() func f2(): pass
	@rpc ("any_peer") func f3(): pass
	@rpc("any_peer",) func f4(): pass
	@rpc(
		"call_local",
		"any_peer"
	)
	func f5(): pass
	@rpc("any_peer")
	# a comment, and an empty line

	func f6(): pass
	@rpc("reliable", "any_peer", "call_local", 1 + 2) func f7(): pass
	@rpc(&"any_peer") func f8(): pass
	@rpc("any" + "_peer") func f9(): pass
	@rpc("any_peer", "call_local", "reliable", CHANNEL) func f10(): pass
	@rpc("%s_peer" % "any")
	@warning_ignore("unused_parameter")
	func f11(a): pass
	@rpc func \
	f12(...rest: Array): pass


class K3 extends G1:
	@rpc func k3a(): pass


class Strange extends Node:
	@rpc("any_peer") func import(_value): pass
	@rpc("any_peer") func None(_value): pass
	@rpc("any_peer") func __secret(_value): pass
	@rpc("any_peer") func µ(_value): pass
	@rpc("any_peer") func _leave(_value): pass
	@rpc("any_peer") func _enter(_value): pass


class Nameless extends Node:
	@rpc("any_peer") func poke(_text: String): pass
	@rpc("any_peer") func answer(text: String):
		print(JSON.stringify({"event": "answer", "text": text, "name": name}))
