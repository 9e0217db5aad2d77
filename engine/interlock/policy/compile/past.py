"""What a condition that is held reads and no ledger keeps the past of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.language.walk import walk
from interlock.model.expression import Blocked, Node, Type
from interlock.model.policy import Policy, Rule
from interlock.policy.compile.dependencies import note, paths_read
from interlock.schemas.catalog import UNRECORDED
from interlock.schemas.wording import Path


def unrecorded(policy: Policy) -> Iterator[tuple[Path, str]]:
    """The places of rules and lines that hold a condition, each with a field whose past it would need."""
    for index, rule in enumerate(policy.rules):
        if rule.hold is not None:
            yield from ((("rules", index), field) for field in list(_Reading(policy).of_rule(rule))[:1])
    for index, line in enumerate(policy.decide):
        if line.hold is not None and line.when is not None:
            yield from ((("decide", index), field) for field in list(_Reading(policy).of_line(line.when))[:1])


def pastless(policy: Policy) -> str | None:
    """A field that anything in a policy, or in one that it needs, reads and that has no past; None where none is."""
    read = paths_read(policy)
    for selection in policy.selections:
        for path in read.get(selection.name, ()):
            if any(path in UNRECORDED.get(kind, ()) for kind in selection.kinds):
                return f"{selection.name}.{path}"
    return next((need.pastless for need in policy.needs if need.pastless is not None), None)


class _Reading:
    """What one condition reads, and what that rests on in turn; each selection and derived fact once."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.seen: set[str] = set()

    def of_rule(self, rule: Rule) -> Iterator[str]:
        """The fields that a rule reads and that have no past."""
        for node in (rule.condition, *rule.values.values()):
            yield from self.node(node, {name: name for name in rule.loops})
        for name in rule.loops:
            yield from self.source(name)

    def of_line(self, node: Node) -> Iterator[str]:
        """Those that a line of `decide` reads."""
        yield from self.node(node, {})
        if any(isinstance(inner, Blocked) for inner in walk(node)):
            for rule in self.policy.rules:
                if rule.effect == "block":
                    yield from self.of_rule(rule)

    def node(self, node: Node, variables: dict[str, str]) -> Iterator[str]:
        read: dict[str, dict[str, Type]] = {}
        note(node, variables, read)
        for name, paths in read.items():
            yield from self.fields(name, paths)
        for name in read:
            yield from self.source(name)

    def source(self, name: str) -> Iterator[str]:
        """What a selection or a derived fact rests on."""
        if name in self.seen:
            return
        self.seen.add(name)
        selection = self.policy.selection(name)
        if selection is not None:
            yield from self.fields(name, (*selection.per, *((selection.of,) if selection.of else ())))
            yield from self.node(selection.where, {name: name}) if selection.where is not None else ()
            yield from self.source(selection.parent) if selection.parent is not None else ()
        for rule in self.policy.rules:
            if rule.derive == name:
                yield from self.of_rule(rule)
        yield from (each.pastless for each in self.policy.needs if each.name == name and each.pastless is not None)

    def fields(self, name: str, paths: Iterable[str]) -> Iterator[str]:
        selection = self.policy.selection(name)
        kinds = () if selection is None else selection.kinds
        for path in paths:
            if any(path in UNRECORDED.get(kind, ()) for kind in kinds):
                yield f"{name}.{path}"
