extends Reference
# What the command line asks for; it lets the chat run without a person.
#
#   --url=ws://...      join there at once
#   --say=TEXT          say it, in the order given
#   --wait-for=TEXT     say nothing before a message that holds this text has come
#   --expect=TEXT       a message that holds this text has to come; leave when all have
#   --quit-after=N      leave after N seconds at the latest
#
# Every word may also follow its option: --say TEXT. Quits with 0 when all that was expected came, with 1 otherwise.

const OPTIONS = ["--url", "--say", "--wait-for", "--expect", "--quit-after"]

var url = ""
var say = []
var wait_for = []
var expect = []
var quit_after = 0.0
var active = false
var expects_something = false


func _init(words):
	var i = 0
	while i < words.size():
		var word = words[i]
		i += 1
		var value = ""
		if word.find("=") >= 0:
			value = word.substr(word.find("=") + 1)
			word = word.substr(0, word.find("="))
		if not OPTIONS.has(word):
			continue  # the engine's own options are in the list as well
		if words[i - 1].find("=") < 0 and i < words.size():
			value = words[i]
			i += 1
		take(word, value)
	expects_something = not expect.empty()


func take(option, value):
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


func heard(message):
	strike_out(wait_for, message)
	strike_out(expect, message)


func strike_out(list, message):
	for i in range(list.size() - 1, -1, -1):
		if message.find(list[i]) >= 0:
			list.remove(i)


func next_text():
	if wait_for.empty() and not say.empty():
		return say.pop_front()
	return ""


func is_done():
	return expects_something and expect.empty() and say.empty()
