"""`print_tree`, deferred calls and timers beside those of a real engine: `tests/fixtures/godot4/tree.gd`, in Python."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gdpeer import Node, SceneTree
from gdpeer.idle import SceneTreeTimer
from tests.support.engines import FIXTURES, fixture

pytestmark = pytest.mark.engine


class Script:
    """The script of the fixture."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.tree = SceneTree()
        self.main = self.tree.node_at("Main", create=True)
        self.is_over = False

    def run(self) -> list[str]:
        for path in ("Panel/VBox/Game", "Panel/Side", "Last/Leaf"):
            self.tree.node_at(f"Main/{path}", create=True)
        self.told.append(self.tree.root.get_tree_string())
        self.told.append(self.tree.root.get_tree_string_pretty())
        self.told.append(self.main.get_node("Panel").get_tree_string_pretty())
        self.defer_some()
        while not self.is_over:
            self.tree.poll(timeout=1)
        return self.told

    def defer_some(self) -> None:
        doomed = Node("doomed")
        self.main.add_child(doomed)
        doomed.queue_free()
        self.timer(0.002, lambda: self.told.append("second"))
        self.timer(0.001, lambda: self.told.append("first"))
        self.timer(-1, lambda: self.told.append(f"doomed is gone: {str(not doomed.is_inside_tree()).lower()}"))
        changed = self.timer(50, lambda: self.told.append("changed"))
        changed.time_left = 0.05
        self.tree.call_deferred(self.told.append, "deferred")
        self.tree.call_deferred(self.nest)
        self.tree.call_deferred(self.told.append, "deferred last")
        self.tree.call_deferred(lambda: self.told.append(f"doomed is here: {str(doomed.is_inside_tree()).lower()}"))
        self.timer(0.1, self.in_time)

    def in_time(self) -> None:
        self.timer(0, self.quit)
        self.tree.call_deferred(self.told.append, "deferred by a timer")

    def quit(self) -> None:
        self.told.append("timer of a timer")
        self.is_over = True

    def nest(self) -> None:
        self.tree.call_deferred(self.told.append, "nested")

    def timer(self, seconds: float, over: Callable[[], object]) -> SceneTreeTimer:
        made = self.tree.create_timer(seconds)
        made.timeout.connect(over)
        return made


def test_the_tree_does_all_in_the_order_of_the_engine() -> None:
    with fixture("4", FIXTURES / "godot4" / "tree.gd") as engine:
        assert engine.wait() == 0
        told = [event["text"] for event in engine.all("told")]
    assert "timer of a timer" in told
    # The frames of the engine are long: it may count both of these timers as over in one frame, or in two.
    ends = ("first", "second")
    ours = Script().run()
    assert [text for text in ours if text not in ends] == [text for text in told if text not in ends]
