"""The names of one policy as they come into sight, and the scopes that its expressions are typed in."""

from __future__ import annotations

from typing import Any

from interlock.language.scope import Position, Scope, SelectionType
from interlock.model.expression import Type
from interlock.model.policy import Selection

RESERVED = ("now", "task", "params", "blocked", "true", "false", "null", "in", *("has", "duration", "timestamp"))
"""Names that a selection, a need or a derived fact cannot have."""


class Names:
    """What has been declared so far. `later` are names that the file declares further down."""

    def __init__(self) -> None:
        self.params: dict[str, Type] = {}
        self.selections: dict[str, Selection] = {}
        self.needs: dict[str, SelectionType] = {}
        self.refused: set[str] = set()
        self.derived: dict[str, dict[str, Type]] = {}
        self.later: dict[str, str] = {}

    def declare_later(self, names: Any, why: str) -> None:
        """Note names that come further down, with what to do about naming them too early."""
        self.later.update({str(name): why for name in names})

    def taken(self, name: str) -> bool:
        """Whether a selection, need or derived fact already has the name."""
        return name in self.selections or name in self.needs

    def known(self, name: str) -> SelectionType | None:
        """A selection, need or derived fact, as expressions see it."""
        if name in self.selections:
            return of_selection(self.selections[name])
        if name in self.derived:
            return SelectionType("many", self.derived[name])
        return self.needs.get(name)

    def for_where(self, name: str, fields: dict[str, Type], *, groups: bool) -> Scope:
        """A selection's `where`: its candidate, parameters, and earlier single selections.

        With `groups`, the candidates include the facts of absent named groups.
        """
        singles = {n: of_selection(s) for n, s in self.selections.items() if s.shape == "single"}
        singles |= {n: k for n, k in self.needs.items() if k.shape == "single"}
        why = "a `where` may name earlier selections that are single, and `params`"
        hidden = dict.fromkeys((n for n in (*self.selections, *self.needs) if n not in singles), why)
        candidates = frozenset([name] if groups else [])
        return Scope(
            "where",
            self.params,
            singles,
            {name: fields},
            {**self.later, **hidden},
            groups=candidates,
            refused=frozenset(self.refused),
        )

    def for_rule(self, place: Position, loops: tuple[str, ...] = (), *, blocked: bool = False) -> Scope:
        """A rule's condition or values, or a line of `decide`, or an output."""
        known = {name: k for name in (*self.selections, *self.needs, *self.derived) if (k := self.known(name))}
        variables = {name: known[name].fields for name in loops if name in known}
        groups = frozenset(name for name in variables if known[name].groups)
        return Scope(place, self.params, known, variables, self.later, blocked, groups, frozenset(self.refused))

    def for_text(self) -> Scope:
        """A `required` message, or what is given to a needed policy: parameters, `now` and `task`."""
        why = "only `params`, `now` and `task` are known before the facts are"
        hidden = dict.fromkeys((*self.selections, *self.needs, *self.later), why)
        return Scope("value", self.params, hidden=hidden)


def of_selection(selection: Selection) -> SelectionType:
    """A selection as expressions see it. A single fact that may be absent has only fields that may be null."""
    key = selection.fields[selection.per[0]] if selection.shape == "map" and len(selection.per) == 1 else None
    fields = selection.fields
    if selection.shape == "single" and selection.required is None and selection.take in ("latest", "earliest"):
        fields = {path: Type(found.kind, found.enum) for path, found in fields.items()}
    return SelectionType(selection.shape, fields, key, bool(selection.absences))
