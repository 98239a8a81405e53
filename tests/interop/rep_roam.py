"""A server in Python that spawns, changes, hides, shows and removes units at random, and what each client is to see.

roam = Roam(table, seed=1)
roam.go(50)
"""

from __future__ import annotations

from random import Random
from typing import Any

from gdpeer import Vector2
from tests.interop.rep_rooms import PythonSide, Side, State, Table

MOST = 8
"""Units at a time."""


class Roam:
    """A random session.

    Args:
        table: with a server in Python.
        seed: of the random numbers.
    """

    def __init__(self, table: Table, seed: int) -> None:
        assert isinstance(table.server, PythonSide)
        self.table = table
        self.main = table.server.main
        self.random = Random(seed)
        self.count = 0
        self.said: list[str] = []
        self.visible: dict[str, set[int]] = {}  # by the unit's name; 0 stands for all

    def go(self, steps: int) -> None:
        """Does some steps; at times waits until every client sees what it is to see."""
        deeds = [self.add, self.move, self.move, self.hurt, self.bag, self.turn, self.call, self.hide, self.show]
        deeds += [self.remove, self.back, self.nest, self.nap, self.check, self.add_player, self.aim, self.aim]
        for number in range(steps):
            if number % 20 == 0:
                self.come_and_go()
            self.random.choice(deeds)()
        self.check()

    def come_and_go(self) -> None:
        """Lets a client leave, and another join."""
        clients = self.table.clients
        if len(clients) > 2:
            gone = self.random.choice(clients)
            if str(gone.id()) in self.visible:  # a late joiner would not get what its owner has sent
                self.take(self.main.units.get_node(str(gone.id())))
            self.table.leave(gone)
        self.table.join(self.random.choice(("engine", "python")))
        self.ids = {id(side): side.id() for side in self.table.clients}

    def say(self, *words: Any) -> None:
        self.said.append(" ".join(map(str, words)))

    def unit(self) -> Any:
        units = [one for one in self.main.units.get_children() if one.name in self.visible]
        return self.random.choice(units) if units else self.add()

    def add(self) -> Any:
        self.count += 1
        return self.put(f"U{self.count}")

    def put(self, name: str) -> Any:
        if len(self.visible) >= MOST:
            self.remove()
        unit = self.main.new_unit(name)
        unit.health = self.random.randrange(100)
        self.visible[name] = {0}
        self.say("add", name)
        if name.isdecimal():
            self.see(unit, int(name), True)
        if self.random.random() < 0.3:
            self.see(unit, 0, False)
        self.main.units.add_child(unit, True)
        return unit

    def add_player(self) -> None:
        """Adds a unit whose input belongs to a client, which always sees the unit."""
        name = str(self.random.choice(list(self.ids.values())))
        if name not in self.visible and not self.main.units.has_node(name):
            self.put(name)
            self.table.run(0.05)

    def aim(self) -> None:
        """Has a client change what it owns."""
        for client in self.table.clients:
            name = str(self.ids[id(client)])
            if name in self.visible and f"Units/{name}" in client.state():
                self.say("aim", name)
                if self.random.random() < 0.5:
                    client.set_unit("aim", self.random.randrange(100) / 4, name)
                else:
                    client.set_unit("motion", Vector2(0, self.random.randrange(100)), name)

    def remove(self) -> None:
        self.take(self.unit())

    def take(self, unit: Any) -> None:
        self.say("remove", unit.name)
        del self.visible[unit.name]
        if self.random.random() < 0.5:
            unit.free()
        else:
            unit.queue_free()

    def move(self) -> None:
        self.unit().position += Vector2(self.random.randrange(10), 1)

    def turn(self) -> None:
        self.unit().turn(self.random.randrange(100) / 4)

    def hurt(self) -> None:
        unit = self.unit()
        unit.health -= 1
        self.say("hurt", unit.name)

    def bag(self) -> None:
        unit = self.unit()
        unit.items.append(self.random.choice(("sword", {"a": [1]}, 7)))
        self.say("bag", unit.name)

    def call(self) -> None:
        self.unit().hello.rpc("hi")

    def see(self, unit: Any, peer_id: int, visible: bool) -> None:
        self.say("show" if visible else "hide", unit.name, peer_id)
        for one in unit.synchronizers():
            one.set_visibility_for(peer_id, visible)
        (self.visible[unit.name].add if visible else self.visible[unit.name].discard)(peer_id)

    def hide(self) -> None:
        unit, peer_id = self.unit(), self.random.choice([0, *self.ids.values()])
        if unit.name != str(peer_id):
            self.see(unit, peer_id, False)

    def show(self) -> None:
        self.see(self.unit(), self.random.choice([0, *self.ids.values()]), True)

    def back(self) -> None:
        unit = self.unit()
        self.say("back", unit.name)
        self.main.units.remove_child(unit)
        if self.random.random() < 0.5:
            self.table.run(0.02)
        self.main.units.add_child(unit)

    def nest(self) -> None:
        node = self.main.units.get_node_or_null("Nest")
        self.say("nest", node)
        if node is None:
            self.main.step_nest()
        else:
            node.queue_free()

    def nap(self) -> None:
        self.say("nap")
        self.table.run(self.random.choice((0.005, 0.02, 0.05)))

    def check(self) -> None:
        """Waits until every client sees what it is to see."""
        self.say("check")
        for client in self.table.clients:
            self.table.until(lambda client=client: self.seen_by(client) == self.meant_for(client))

    def seen_by(self, client: Side) -> State:
        return {path: values for path, values in client.state().items() if path != "Board"}

    def meant_for(self, client: Side) -> State:
        """Returns what a client is to see."""
        peer_id = self.ids[id(client)]
        found = {path: values for path, values in self.main.state().items() if path != "Board"}
        for name, visible in self.visible.items():
            if not visible & {0, peer_id}:
                del found[f"Units/{name}"]
        return found
