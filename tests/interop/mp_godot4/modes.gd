extends Node
# A method for each way in which one can be called from elsewhere.


@rpc("any_peer", "call_local", "reliable", 0)
func any_peer_call_local_reliable(number: int) -> void:
	heard("any_peer_call_local_reliable", number)


@rpc("any_peer", "call_local", "unreliable", 1)
func any_peer_call_local_unreliable(number: int) -> void:
	heard("any_peer_call_local_unreliable", number)


@rpc("any_peer", "call_local", "unreliable_ordered", 2)
func any_peer_call_local_unreliable_ordered(number: int) -> void:
	heard("any_peer_call_local_unreliable_ordered", number)


@rpc("any_peer", "call_remote", "reliable", 0)
func any_peer_call_remote_reliable(number: int) -> void:
	heard("any_peer_call_remote_reliable", number)


@rpc("any_peer", "call_remote", "unreliable", 1)
func any_peer_call_remote_unreliable(number: int) -> void:
	heard("any_peer_call_remote_unreliable", number)


@rpc("any_peer", "call_remote", "unreliable_ordered", 2)
func any_peer_call_remote_unreliable_ordered(number: int) -> void:
	heard("any_peer_call_remote_unreliable_ordered", number)


@rpc("authority", "call_local", "reliable", 0)
func authority_call_local_reliable(number: int) -> void:
	heard("authority_call_local_reliable", number)


@rpc("authority", "call_local", "unreliable", 1)
func authority_call_local_unreliable(number: int) -> void:
	heard("authority_call_local_unreliable", number)


@rpc("authority", "call_local", "unreliable_ordered", 2)
func authority_call_local_unreliable_ordered(number: int) -> void:
	heard("authority_call_local_unreliable_ordered", number)


@rpc("authority", "call_remote", "reliable", 0)
func authority_call_remote_reliable(number: int) -> void:
	heard("authority_call_remote_reliable", number)


@rpc("authority", "call_remote", "unreliable", 1)
func authority_call_remote_unreliable(number: int) -> void:
	heard("authority_call_remote_unreliable", number)


@rpc("authority", "call_remote", "unreliable_ordered", 2)
func authority_call_remote_unreliable_ordered(number: int) -> void:
	heard("authority_call_remote_unreliable_ordered", number)


func heard(method: String, number: int) -> void:
	var from := multiplayer.get_remote_sender_id()
	get_parent().io.event("mode", {"method": method, "from": from, "number": number})
