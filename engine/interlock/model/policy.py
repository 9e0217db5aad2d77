"""A policy that has been read and checked: values only, frozen. `checker` makes it, everything downstream reads it."""

# No `from __future__ import annotations`: msgspec would evaluate every text of it again at each start.

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from interlock.model.expression import LIST, Node, Type, ValueKind
from interlock.model.facts import Value

Effect = Literal["block", "warn", "note", "derive"]
Take = Literal["all", "latest", "earliest", "count", "min", "max", "sum"]
PREVIOUS = "previous"
"""The name under which a fact has the one before it."""
Shape = Literal["single", "map", "many"]


class Template(msgspec.Struct, frozen=True, array_like=True):
    """A message: pieces of text and expressions in turn."""

    parts: tuple[str | Node, ...]

    @property
    def expressions(self) -> list[Node]:
        """The expressions in it."""
        return [part for part in self.parts if not isinstance(part, str)]

    @property
    def texts(self) -> list[str]:
        """The pieces of text in it."""
        return [part for part in self.parts if isinstance(part, str)]

    def filled(self, show: Callable[[Node], str]) -> str:
        """The text, with every expression as `show` shows it."""
        return "".join(part if isinstance(part, str) else show(part) for part in self.parts)


class Advice(msgspec.Struct, frozen=True, array_like=True):
    """What to do: a `fix` is commands, one a line; a `hint` is prose, for what no command does alone."""

    fix: Template | None = None
    hint: Template | None = None

    @property
    def templates(self) -> list[Template]:
        """Those of the two that are given."""
        return [each for each in (self.fix, self.hint) if each is not None]


NO_ADVICE = Advice()


class Parameter(msgspec.Struct, frozen=True, array_like=True):
    """What a caller may set. `default` is already a value of the type (durations in microseconds)."""

    name: str
    kind: ValueKind
    default: Value = None
    optional: bool = False
    description: str = ""
    enum: tuple[str, ...] = ()

    @property
    def type(self) -> Type:
        """The type of its value as expressions see it."""
        item = LIST.item if self.kind == "list" else None
        return Type(self.kind, self.enum, self.default is None and self.optional, item)

    @property
    def required(self) -> bool:
        """Whether a caller must give it: it has no default and is not optional."""
        return self.default is None and not self.optional


class Selection(msgspec.Struct, frozen=True, array_like=True):
    """A named selection of ledger facts, in order of `at`, then `seq`.

    `kinds` are the fact kinds it comes from in the end; `parent` the earlier selection it narrows, if any.
    `groups` are the values of `per` that are always there, when the policy names them (one field only). `absences` are
    the groups, each with its field, for which there is a fact of nulls where the ledger has none: its own, and those of
    the selections that it narrows. A single selection has none: it takes no such fact. With `limit`, `latest` and
    `earliest` take up to that many facts, in all or of each group, and the selection is one of many. With `previous`,
    each fact has the fields of the one before it among those that agree in these fields, under `previous.`. `advice` is
    for where what is `required` is not there.
    """

    name: str
    kinds: tuple[str, ...]
    shape: Shape
    fields: dict[str, Type]
    parent: str | None = None
    scope: Literal["task", "ledger"] = "task"
    where: Node | None = None
    take: Take = "all"
    of: str | None = None
    per: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    absences: tuple[tuple[str, str], ...] = ()
    required: Template | None = None
    limit: int | None = None
    previous: tuple[str, ...] | None = None
    advice: Advice = NO_ADVICE


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """One rule: for every combination of facts of `loops` for which `condition` holds, the effect.

    `derive` names the fact it makes; `values` are that fact's fields. `data` are the finding's machine-readable fields.
    With `hold`, it has the effect once the condition has held for so long without a break.
    """

    id: str
    loops: tuple[str, ...]
    condition: Node
    effect: Effect
    message: Template | None = None
    advice: Advice = NO_ADVICE
    data: dict[str, Node] = {}
    derive: str | None = None
    values: dict[str, Node] = {}
    line: int = 0
    hold: Node | None = None


class Need(msgspec.Struct, frozen=True, array_like=True):
    """Another policy's decision as a fact: one, or (with `tasks`) one for each named task."""

    name: str
    policy: str
    digest: str
    tasks: Node | None = None
    given: dict[str, Node] = {}
    asks_undecided: bool = False
    """Whether some rule asks for `.undecided`; otherwise an undecided need makes this policy undecided."""
    pastless: str | None = None
    """A field of an entity that it reads, and of which nothing records since when it is what it is."""


class DecideLine(msgspec.Struct, frozen=True, array_like=True):
    """One line of `decide`: the state and verdict, if `when` holds, and has held for `hold` without a break.

    One that denies may say why, with a `reason`, and what to do.
    """

    state: str
    allow: bool
    when: Node | None = None
    hold: Node | None = None
    reason: Template | None = None
    advice: Advice = NO_ADVICE

    @property
    def judged(self) -> list[Node]:
        """The expressions on which a decision rests: those of its condition and its reason."""
        return [*([] if self.when is None else [self.when]), *([] if self.reason is None else self.reason.expressions)]

    @property
    def expressions(self) -> list[Node]:
        """Every expression of it."""
        return [*self.judged, *(node for each in self.advice.templates for node in each.expressions)]


class Output(msgspec.Struct, frozen=True, array_like=True):
    """A named value beside the decision: an expression, or further named values."""

    name: str
    value: Node | None = None
    members: tuple["Output", ...] = ()


class Policy(msgspec.Struct, frozen=True, array_like=True):
    """A checked policy. `digest` is the SHA-256 of its text; `derived` gives the fields of each derived fact.

    Its `variables` are put in where they are named; `unread` are those that nothing names.
    """

    id: str
    version: int
    title: str
    question: str
    digest: str
    parameters: tuple[Parameter, ...] = ()
    needs: tuple[Need, ...] = ()
    selections: tuple[Selection, ...] = ()
    rules: tuple[Rule, ...] = ()
    decide: tuple[DecideLine, ...] = ()
    outputs: tuple[Output, ...] = ()
    derived: dict[str, dict[str, Type]] = {}
    description: str = ""
    unread: tuple[str, ...] = ()

    def selection(self, name: str | None) -> Selection | None:
        """The selection of a name; None where there is none of it."""
        return next((selection for selection in self.selections if selection.name == name), None)

    def chain(self, selection: Selection) -> list[Selection]:
        """The selection, the one that it narrows, and so on up to one that narrows none."""
        found = [selection]
        while (parent := self.selection(found[-1].parent)) is not None:
            found.append(parent)
        return found

    def kinds(self) -> dict[str, bool]:
        """The kinds of facts that its selections read, and whether those of every task."""
        found: dict[str, bool] = {}
        for selection in self.selections:
            merge_kinds(found, dict.fromkeys(selection.kinds, selection.scope == "ledger"))
        return found

    def ordered(self) -> list[tuple[tuple[str, ...], bool]]:
        """The kinds of each selection whose facts are in an order that matters, and whether those of every task.

        It takes the latest or the earliest, or gives each fact the one before it.
        """
        ordering = (
            each for each in self.selections if each.take in ("latest", "earliest") or each.previous is not None
        )
        return [(each.kinds, each.scope == "ledger") for each in ordering]


def merge_kinds(found: dict[str, bool], more: Mapping[str, bool]) -> None:
    """Add kinds of facts to others, each with whether those of every task are meant: in one of the two is enough."""
    found.update({kind: found.get(kind, False) or every for kind, every in more.items()})


def values(written: tuple[Output, ...], prefix: str = "") -> list[tuple[str, Node]]:
    """Every output that is a value, under its dotted name."""
    found: list[tuple[str, Node]] = []
    for output in written:
        if output.value is not None:
            found.append((prefix + output.name, output.value))
        found += values(output.members, f"{prefix}{output.name}.")
    return found
