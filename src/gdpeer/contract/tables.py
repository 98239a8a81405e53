"""Makes the tables of a project: the methods of each class with all that the files tell about them.

Layer: `contract`; pure. Source: reference godot4-contract 1, godot3-wire 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gdpeer.contract.annotations import Rpc, parse_rpc
from gdpeer.contract.arguments import Arguments
from gdpeer.contract.by_code import Configured, configured, problems_of
from gdpeer.contract.inheritance import Classes
from gdpeer.contract.model import Argument, Enumeration, Method, Problem, Table, Variable
from gdpeer.contract.script import ClassSyntax, Function, Script
from gdpeer.contract.tokens import SyntaxProblem
from gdpeer.contract.values import Values

__all__ = ["Tables"]


class Tables:
    """The tables of a project's classes.

    Args:
        scripts: by path; expressions in their `@rpc` are evaluated, and problems of those are added to the scripts.
        classes: of the scripts.
        engine: 4 or 3.

    Attributes:
        problems: of inheritance and of values that are not known.
    """

    def __init__(self, scripts: Mapping[str, Script], classes: Classes, engine: int) -> None:
        self.problems: list[Problem] = []
        self._scripts = scripts
        self._classes = classes
        self._engine = engine
        self._values = Values(classes, engine)
        self._arguments = Arguments(classes, self._values, engine)
        self._made: dict[ClassSyntax, Table | None] = {}
        # Before any table is made: a wrong word in an `@rpc` takes the tables of all subclasses away.
        for script in scripts.values():
            for class_ in script.classes:
                self._evaluate_annotations(class_, script)
                self.problems += problems_of(class_, self._values, engine)

    @property
    def enumerations(self) -> tuple[Enumeration, ...]:
        """The enumerations that arguments of methods use, sorted by id."""
        return tuple(found for _, found in sorted(self._arguments.enumerations.items()))

    def all(self) -> tuple[Table, ...]:
        """Returns the tables that have methods or variables, sorted by their scripts."""
        classes = (class_ for _, script in sorted(self._scripts.items()) for class_ in script.classes)
        tables = (self.of(class_) for class_ in classes)
        return tuple(table for table in tables if table is not None and not table.is_empty)

    def of(self, class_: ClassSyntax) -> Table | None:
        """Returns the table of a class; None if its script would not load."""
        if class_ not in self._made:
            self._made[class_] = self._make(class_)
        return self._made[class_]

    def _evaluate_annotations(self, class_: ClassSyntax, script: Script) -> None:
        for name, function in class_.functions.items():
            if function.rpc is None or not function.rpc.expression:
                continue
            tokens = function.rpc.expression
            try:
                function.rpc = parse_rpc(tokens, lambda expression: self._values.evaluate(expression, class_))
            except ValueError as error:
                script.problems.append(SyntaxProblem(tokens[0].line, str(error)))
                continue
            if function.rpc.unknown:
                text = f"a setting of {name} is not known: {function.rpc.unknown}"
                self.problems.append(Problem("unknown-rpc", class_.script, tokens[0].line, text))

    # ---------------------------------------------------------------------------------------- one table

    def _make(self, class_: ClassSyntax) -> Table | None:
        chain = self._classes.chain(class_)
        if self._classes.base(chain[-1]) is not None:
            text = "extends itself, by way of others"
            self.problems.append(Problem("cycle", class_.script, class_.line, text))
            return None
        # The engine refuses to load a script whose base is missing, or that has problems.
        if any(self._classes.is_baseless(base) or self._scripts[base.script].problems for base in chain):
            return None
        by_code = configured(chain, self._values, self._engine, "rpc_config")
        declared = self._declared(chain) if self._engine == 4 else self._declared3(chain, by_code)
        coded = self._coded(chain, by_code) if self._engine == 4 else ()
        return Table(
            class_.id,
            class_.name,
            (*coded, *(declared[name] for name in sorted(declared))),
            self._extends(chain),
            class_.script,
            class_.line,
            class_.id,
            self._variables(chain) if self._engine == 3 else (),
            tuple(sorted(name for name, found in by_code.items() if not found.mode)),
        )

    def _declared(self, chain: Sequence[ClassSyntax]) -> dict[str, Method]:
        methods: dict[str, Method] = {}
        for base in chain:
            for name, function in base.functions.items():
                # The @rpc of the nearest class counts; an override without @rpc keeps the one of its base.
                if function.rpc is not None and name not in methods:
                    methods[name] = self._method(name, function.rpc, base, function.line, chain)
        return methods

    def _declared3(self, chain: Sequence[ClassSyntax], by_code: Mapping[str, Configured]) -> dict[str, Method]:
        methods: dict[str, Method] = {}
        for base in chain:
            for name, function in base.functions.items():
                if function.mode and name not in methods:
                    rpc = Rpc(function.mode, function.mode.endswith("sync"), "")
                    methods[name] = self._method(name, rpc, base, function.line, chain)
        # In Godot 3 the mode that code sets counts.
        for name, found in by_code.items():
            rpc = Rpc(found.mode, found.call_local, "")
            methods[name] = self._method(name, rpc, found.owner, found.line, chain, by_code=True)
        return methods

    def _coded(self, chain: Sequence[ClassSyntax], by_code: Mapping[str, Configured]) -> Iterator[Method]:
        for name, found in sorted(by_code.items()):
            if found.mode:
                rpc = Rpc(found.mode, found.call_local, found.transfer, found.channel)
                yield self._method(name, rpc, found.owner, found.line, chain, by_code=True)

    def _method(
        self, name: str, rpc: Rpc, owner: ClassSyntax, line: int, chain: Sequence[ClassSyntax], by_code: bool = False
    ) -> Method:
        function, arguments = self._called(name, chain)
        return Method(
            name,
            rpc.mode,
            rpc.call_local,
            rpc.transfer,
            rpc.channel,
            owner.id,
            line,
            arguments,
            owner.script,
            function is not None and function.is_empty,
            by_code,
        )

    def _called(self, name: str, chain: Sequence[ClassSyntax]) -> tuple[Function | None, tuple[Argument, ...]]:
        """Returns the function that a call reaches, which may be an override, and its arguments."""
        for base in chain:
            function = base.functions.get(name)
            if function is not None:
                return function, self._arguments.of(function, base)
        return None, ()

    def _variables(self, chain: Sequence[ClassSyntax]) -> tuple[Variable, ...]:
        found: dict[str, Variable] = {}
        for base in chain:
            for name, variable in base.variables.items():
                found.setdefault(name, Variable(name, variable.mode, base.script, variable.line))
        for name, entry in configured(chain, self._values, 3, "rset_config").items():
            found[name] = Variable(name, entry.mode, entry.owner.script, entry.line)
        return tuple(found[name] for name in sorted(found))

    def _extends(self, chain: Sequence[ClassSyntax]) -> str:
        if len(chain) > 1:
            return chain[1].id
        base = chain[0].base
        # A script without `extends` extends a class of the engine.
        return ("Reference" if self._engine == 3 else "RefCounted") if base is None else str(base)
