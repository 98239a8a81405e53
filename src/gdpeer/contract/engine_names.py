"""The names that the engine's `Node` and `Object` have, and that a script's method cannot have.

`tests/interop/test_contract_stubs.py` compares them with the engines.

Layer: `contract`; pure.
"""

from __future__ import annotations

__all__ = ["node_members"]

_BOTH = """
    add_child add_to_group add_user_signal call call_deferred callv can_process can_translate_messages
    child_entered_tree child_exiting_tree child_order_changed connect create_tween disconnect duplicate
    editor_description emit_signal find_parent free get get_child get_child_count get_children get_class get_groups
    get_incoming_connections get_index get_indexed get_instance_id get_meta get_meta_list get_method_list
    get_multiplayer get_name get_node get_node_and_resource get_node_or_null get_owner get_parent get_path
    get_path_to get_physics_interpolation_mode get_physics_process_delta_time get_process_delta_time
    get_process_priority get_property_list get_scene_instance_load_placeholder get_script get_signal_connection_list
    get_signal_list get_tree get_viewport has_meta has_method has_node has_node_and_resource has_signal
    has_user_signal is_blocking_signals is_class is_connected is_displayed_folded is_editable_instance
    is_greater_than is_in_group is_inside_tree is_node_ready is_physics_interpolated
    is_physics_interpolated_and_enabled is_physics_processing is_physics_processing_internal is_processing
    is_processing_input is_processing_internal is_processing_unhandled_input is_processing_unhandled_key_input
    is_queued_for_deletion is_unique_name_in_owner move_child multiplayer name notification owner
    physics_interpolation_mode print_tree print_tree_pretty process_priority propagate_call propagate_notification
    queue_free ready remove_child remove_from_group remove_meta renamed replace_by request_ready
    reset_physics_interpolation rpc rpc_config rpc_id script_changed set set_block_signals set_deferred
    set_display_folded set_editable_instance set_indexed set_message_translation set_meta set_name set_owner
    set_physics_interpolation_mode set_physics_process set_physics_process_internal set_process set_process_input
    set_process_internal set_process_priority set_process_unhandled_input set_process_unhandled_key_input
    set_scene_instance_load_placeholder set_script set_unique_name_in_owner to_string tr tree_entered tree_exited
    tree_exiting unique_name_in_owner
"""

_GODOT4 = """
    add_sibling atr atr_n auto_translate_mode call_deferred_thread_group call_thread_safe can_auto_translate
    cancel_free editor_description_changed editor_state_changed find_child find_children get_accessibility_element
    get_auto_translate_mode get_editor_description get_last_exclusive_window get_method_argument_count
    get_multiplayer_authority get_node_rpc_config get_orphan_node_ids get_physics_process_priority get_process_mode
    get_process_thread_group get_process_thread_group_order get_process_thread_messages get_scene_file_path
    get_translation_domain get_tree_string get_tree_string_pretty get_window has_connections is_ancestor_of
    is_multiplayer_authority is_part_of_edited_scene is_processing_shortcut_input notify_deferred_thread_group
    notify_property_list_changed notify_thread_safe print_orphan_nodes process_mode process_physics_priority
    process_thread_group process_thread_group_order process_thread_messages property_can_revert property_get_revert
    property_list_changed queue_accessibility_update remove_user_signal reparent replacing_by scene_file_path
    set_auto_translate_mode set_deferred_thread_group set_editor_description set_multiplayer_authority
    set_physics_process_priority set_process_mode set_process_shortcut_input set_process_thread_group
    set_process_thread_group_order set_process_thread_messages set_scene_file_path set_thread_safe
    set_translation_domain set_translation_domain_inherited tr_n update_configuration_warnings
"""

_GODOT3 = """
    add_child_below_node custom_multiplayer filename find_node get_custom_multiplayer get_filename
    get_network_master get_pause_mode get_position_in_parent is_a_parent_of is_network_master pause_mode
    print_stray_nodes property_list_changed_notify raise remove_and_skip rpc_unreliable rpc_unreliable_id rset
    rset_config rset_id rset_unreliable rset_unreliable_id set_custom_multiplayer set_filename set_network_master
    set_pause_mode update_configuration_warning
"""


def node_members(engine: int) -> frozenset[str]:
    """Returns the names of the methods, signals and properties of `Node` in Godot 3 or 4.

    Without names that begin with an underscore: a script may define those.
    """
    return frozenset((_BOTH + (_GODOT4 if engine == 4 else _GODOT3)).split())
