extends RefCounted
# What the command line asks for; it lets the chat run without a person.
#
#   --url=ws://...      join there at once
#   --say=TEXT          say it, in the order given
#   --wait-for=TEXT     say nothing before a message that holds this text has come
#   --expect=TEXT       a message that holds this text has to come; leave when all have
#   --quit-after=N      leave after N seconds at the latest
#
# Every word may also follow its option: --say TEXT. Quits with 0 when all that was expected came, with 1 otherwise.

var url := ""
var say: Array[String] = []
var wait_for: Array[String] = []
var expect: Array[String] = []
var quit_after := 0.0
var active := false
var expects_something := false


func _init(words: PackedStringArray) -> void:
	var i := 0
	while i < words.size():
		var word := words[i]
		i += 1
		if not word.begins_with("--"):
			continue
		var value := ""
		if word.contains("="):
			value = word.substr(word.find("=") + 1)
			word = word.substr(0, word.find("="))
		elif i < words.size():
			value = words[i]
			i += 1
		take(word, value)
	expects_something = not expect.is_empty()


func take(option: String, value: String) -> void:
	active = true
	match option:
		"--url":
			url = value
		"--say":
			say.append(value)
		"--wait-for":
			wait_for.append(value)
		"--expect":
			expect.append(value)
		"--quit-after":
			quit_after = float(value)
		_:
			printerr("unknown option ", option)


func heard(message: String) -> void:
	strike_out(wait_for, message)
	strike_out(expect, message)


func strike_out(list: Array[String], message: String) -> void:
	for i in range(list.size() - 1, -1, -1):
		if message.contains(list[i]):
			list.remove_at(i)


func next_text() -> String:
	if wait_for.is_empty() and not say.is_empty():
		return say.pop_front()
	return ""


func is_done() -> bool:
	return expects_something and expect.is_empty() and say.is_empty()
