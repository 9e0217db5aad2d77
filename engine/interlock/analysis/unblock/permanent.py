"""What no receipt can ever change, proved: a condition that rests on facts that stay as they are whatever is appended.

Receipts never change, and what is appended comes later. So a selection that takes all, or the earliest, keeps what it
has; time only passes. A fact on which other selections hang (such as a session) and an entity are *held*: the proof is
for as long as they are what the policy sees, and says so. Nothing is called lasting that is not proved to be.
"""

from __future__ import annotations

from collections.abc import Iterable

from interlock.analysis.explain import cited
from interlock.language.evaluate import Environment, fact_of, holds, outcome
from interlock.language.exact import is_exact
from interlock.language.next_change import NEVER, trend
from interlock.language.walk import reads_now, reference, selections, walk
from interlock.model.decision import Firing, Verdict
from interlock.model.explanation import Cited
from interlock.model.expression import (
    TRUE,
    Blocked,
    Compare,
    Count,
    Exists,
    Field,
    In,
    Logic,
    MapRef,
    Node,
    Not,
    Present,
    Reference,
    SingletonRef,
    Size,
    VariableRef,
)
from interlock.model.policy import Policy, Selection
from interlock.model.unblock import HeldFact, Permanent
from interlock.schemas import Catalog
from interlock.schemas.catalog import responsible

_Held = dict[Cited, tuple[str, ...]]
"""The facts that a proof holds, each with the kinds of receipts that take its place."""
_NEVER: _Held = {}


def permanent(
    policy: Policy, known: Environment, verdict: Verdict, messages: dict[int, str], catalog: Catalog
) -> list[Permanent]:
    """The findings that block for as long as certain facts are held, if the policy then denies as long.

    `known` is what is known once the rules have been judged by; `messages` are those of the firings, by their place.
    """
    found = []
    for place, message in messages.items():
        firing = verdict.firings[place]
        proof = _Proof(policy, catalog)
        held = proof.fires(firing, known)
        denied = None if held is None else proof.denied(known, held)
        if denied is not None:
            held_facts = tuple(held_fact(catalog, *each) for each in denied.items())
            found.append(Permanent(policy.rules[firing.rule].id, message, held_facts))
    return found


def held_fact(catalog: Catalog, fact: Cited, replaced_by: tuple[str, ...] = ()) -> HeldFact:
    """A fact that is held, with who makes another."""
    recorder = catalog.recorder((*replaced_by, fact.kind)[0])
    return HeldFact(fact.kind, fact.id, fact.at, replaced_by, responsible(recorder))


class _Proof:
    """Proves of conditions that they stay as they are. Every proof is the facts that it holds, or None."""

    def __init__(self, policy: Policy, catalog: Catalog) -> None:
        self.catalog = catalog
        self.selections = {selection.name: selection for selection in policy.selections}
        self.policy = policy
        wheres = [selection.where for selection in policy.selections if selection.where is not None]
        self.context = {name for where in wheres for name in selections(where)}
        receipts = [moved for _, moved in catalog.moving()]
        self.moved = {(moved.kind, moved.field) for moved in receipts}
        self.moved |= {
            (moved.kind, path)
            for moved in receipts
            for path, spec in catalog.fields(moved.kind).items()
            if spec.latest_of == moved.field
        }

    def fires(self, firing: Firing, known: Environment) -> _Held | None:
        """That the rule goes on to fire for these facts."""
        rule = self.policy.rules[firing.rule]
        names = dict(zip(rule.loops, rule.loops, strict=True))
        here = known.ranging(rule.loops, firing.facts)
        proofs = [self.fact(VariableRef(name), None, here, names) for name in rule.loops]
        return _all([*proofs, self.node(rule.condition, here, names, None)])

    def denied(self, known: Environment, blocked: _Held) -> _Held | None:
        """That no line that allows is ever taken, where some rule goes on to block."""
        held = [blocked]
        for line in self.policy.decide:
            node = TRUE if line.when is None else line.when
            proof = self.node(node, known, {}, blocked)
            if not line.allow and line.hold is not None:
                continue  # it is not taken yet, or not for long
            if not line.allow and proof is not None and holds(node, known):
                return _all([*held, proof])
            if line.allow:
                if proof is None or holds(node, known):
                    return None
                held.append(proof)
        return None

    def node(self, node: Node, known: Environment, names: dict[str, str], blocked: _Held | None) -> _Held | None:
        """That the condition goes on to be what it is. `names` are the selections that variables range over."""
        match node:
            case Not():
                return self.node(node.item, known, names, blocked)
            case Logic():
                return self.logic(node, known, names, blocked)
            case Blocked():
                return blocked if known.blocked else None
            case Exists():
                return self.some(node, known, names)
            case Compare() | In() | Present():
                return self.leaf(node, known, names)
        return _NEVER if node == TRUE or not (_counts(node) or list(_references(node))) else None

    def logic(self, node: Logic, known: Environment, names: dict[str, str], blocked: _Held | None) -> _Held | None:
        value = outcome(node, known)
        if (node.op == "&&") is value:
            return _all(self.node(item, known, names, blocked) for item in node.items)
        settled = [item for item in node.items if outcome(item, known) is value]
        return _fewest(self.node(item, known, names, blocked) for item in settled)

    def some(self, node: Exists, known: Environment, names: dict[str, str]) -> _Held | None:
        """That some fact that was found stays, and stays found. What was not found may always come."""
        inner = {**names, node.variable: node.selection}
        proofs = []
        for fact in known.facts[node.selection]:
            here = known.bind(node.variable, fact)
            if holds(node.condition, here):
                stays = self.fact(VariableRef(node.variable), None, here, inner)
                proofs.append(_all([stays, self.node(node.condition, here, inner, None)]))
        return _fewest(proofs)

    def leaf(self, node: Node, known: Environment, names: dict[str, str]) -> _Held | None:
        if _counts(node) or (reads_now(node) and not _settled(node, known)):
            return None
        return _all(self.fact(of, path, known, names) for of, path in _references(node))

    def fact(self, of: Reference, path: str | None, known: Environment, names: dict[str, str]) -> _Held | None:
        """That a reference goes on to be to this fact, and the field what it is."""
        name = names.get(of.name) if isinstance(of, VariableRef) else of.selection
        selection = self.selections.get(name or "")
        if selection is None:
            return None
        fact = fact_of(of, known)
        if fact is not None and fact.absent:
            fact = None
        if not self.catalog.by_receipts(selection.kinds[0]):
            if selection.take not in ("all", "latest", "earliest"):
                return None
            if path is not None and any((kind, path) in self.moved for kind in selection.kinds):
                return None
            own: _Held = {Cited(selection.kinds[0]) if fact is None else cited(fact): ()}
            return _all([own, self.stays(selection, known)])
        if fact is None:
            return None
        if selection.take == "all" or (selection.take == "earliest" and not isinstance(of, MapRef)):
            return self.stays(selection, known)
        if selection.take == "latest" and selection.name in self.context and isinstance(of, SingletonRef):
            return {cited(fact): selection.kinds}
        return None

    def stays(self, selection: Selection, known: Environment) -> _Held | None:
        """That what the selection has selected stays selected."""
        where = selection.where
        if where is not None and reads_now(where):
            return None
        names = {} if where is None else selections(where)
        proofs = [self.fact(SingletonRef(name), None, known, {}) for name in names]
        if selection.parent is not None:
            parent = self.selections[selection.parent]
            proofs.append(self.stays(parent, known) if parent.take == "all" else None)
        return _all(proofs)


def _counts(node: Node) -> bool:
    """Whether it rests on how many facts there are: one more may always come."""
    return any(isinstance(inner, Count | Exists | Size) for inner in walk(node))


def _references(node: Node) -> Iterable[tuple[Reference, str | None]]:
    for inner in walk(node):
        of = reference(inner)
        if of is not None:
            yield of, inner.path if isinstance(inner, Field) else None


def _settled(node: Node, known: Environment) -> bool:
    """Whether time, which only passes, leaves the comparison what it is."""
    ordering = isinstance(node, Compare) and node.op not in ("==", "!=") and is_exact(node)
    return ordering and trend(node, known, {})[2] >= NEVER


def _all(proofs: Iterable[_Held | None]) -> _Held | None:
    held: _Held = {}
    for proof in proofs:
        if proof is None:
            return None
        held |= proof
    return held


def _fewest(proofs: Iterable[_Held | None]) -> _Held | None:
    return min((proof for proof in proofs if proof is not None), key=len, default=None)
