"""A compiled policy: plain data, no callables. `compiler` makes it; `selection` and `rete` run it.

Selections are SQL text over the ledger's canonical relation. Rules are *branches* over *relations*: every relation is
a kind of engine fact with the fields that some branch tests; every branch is one conjunction of patterns. A rule whose
condition has alternatives has several branches, and fires for a combination of facts if any of them matches.

Every field of an engine fact is there: null is a value of its own (see `rete`), so a test never meets a missing field.
"""

# No `from __future__ import annotations`: msgspec would evaluate every text of it again at each start.

from typing import Literal

import msgspec

from interlock.model.expression import Node, Operator, Type
from interlock.model.policy import Policy


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """A field of a matched fact: the pattern's alias and the engine field's name."""

    alias: str
    field: str


class Test(msgspec.Struct, frozen=True, array_like=True):
    """`field OP value`, where `field` is of the pattern's own fact.

    The value is a constant, or (when `slots` is not empty) the sum of the slots, each added or subtracted, plus
    `constant`. A sum of several slots is only made of fields that earlier tests show not to be null.
    """

    __test__ = False

    field: str
    op: Operator
    constant: None | bool | int | str = None
    slots: tuple[tuple[Literal[1, -1], Slot], ...] = ()


class Pattern(msgspec.Struct, frozen=True, array_like=True):
    """A fact of `relation` for which every test holds; when `negated`, that there is none.

    Tests name earlier aliases.
    """

    alias: str
    relation: str
    tests: tuple[Test, ...] = ()
    negated: bool = False


class Branch(msgspec.Struct, frozen=True, array_like=True):
    """One conjunction. `target` is the rule's index, or that of a `decide` line when `decides`.

    `loops` are the aliases of the facts that the rule ranges over, in its order. `blocked` is set where the branch
    holds only if some rule blocked (True) or none did (False): that is known after the last ruleset has run.
    """

    target: int
    patterns: tuple[Pattern, ...]
    loops: tuple[str, ...] = ()
    decides: bool = False
    blocked: bool | None = None


class Column(msgspec.Struct, frozen=True, array_like=True):
    """An engine field: the sum of the fact's own fields, each added or subtracted, plus a constant; null if any is.

    A plain field is one term and no constant. The path `""` is 1 for a fact that is there.
    """

    name: str
    terms: tuple[tuple[Literal[1, -1], str], ...]
    constant: int = 0


class Relation(msgspec.Struct, frozen=True, array_like=True):
    """A kind of engine fact: the selection (or `$`, the one fact of `now`, `task` and `params.*`) and its columns.

    `computed` are the paths that are not fields of a fact, but evaluated of it before the engine sees it: each with its
    expression, in which the fact has the name `""`.
    """

    name: str
    columns: tuple[Column, ...]
    computed: dict[str, Node] = {}


class Stratum(msgspec.Struct, frozen=True, array_like=True):
    """Branches that run together. A `recursive` stratum runs until it derives nothing new."""

    branches: tuple[Branch, ...]
    recursive: bool = False


class Query(msgspec.Struct, frozen=True, array_like=True):
    """A selection as SQL. Its rows are `kind, id, seq, task, at, instant, actor, severity, summary, correlation,
    attributes, suspect`, then `number` where the selection takes a number of its facts, then the `per` fields.
    A `suspect` of -1 marks the row of an absent named group, which is not a fact of the ledger.

    Named placeholders: `:now`, up to which receipts have arrived, with `:floor`, `:upper` and `:tomorrow` (the texts of
    its second, of the next and of a day after that); `:clock`, what the condition means by `now`; `:task`,
    `:task_name`, `:limit`, and those of `binds` (name → selection and path, or `params` and a parameter's name). A
    *suspect* is a row on which the condition cannot be relied upon, because a field it reads breaks the fact's schema.
    `paths` are the fields that anything reads of the selected facts, with the kind of each. Where a number is taken,
    `members` is SQL for the rows that it was taken of, the newest first: one row stands for all of them in `sql`.
    `ahead` is SQL for those of them that are stamped later than `:clock`, the latest first (of entities, for all);
    `:ahead` is the text of the clock's second.
    `conditions` are those that the SQL has Python evaluate, by their place, as `computed(0, …)`: over values named
    `0`, `1`, …, of these types.
    `latest` are those of the `paths` that no fact holds, each with that of the stamp whose last instant it is.
    `previous` are the paths that are read of the fact before each, with what they are called there.
    `shapes` are the types of those of the `paths` that have values inside them: lists, maps and objects.
    """

    selection: str
    sql: str
    binds: dict[str, tuple[str, str]] = {}
    paths: dict[str, str] = {}
    members: str | None = None
    ahead: str | None = None
    latest: dict[str, str] = {}
    previous: dict[str, str] = {}
    conditions: tuple[tuple[Node, tuple[Type, ...]], ...] = ()
    shapes: dict[str, Type] = {}


class ClockCandidates(msgspec.Struct, frozen=True, array_like=True):
    """The facts that a selection's `where`, which is `condition`, may take in or drop as the clock moves.

    `reads_now`: whether it reads `now` itself; otherwise only what it is given, which seldom moves. `absent` are the
    named groups, each with its field, that it may take in though there is nothing of them.
    """

    query: Query
    condition: Node
    reads_now: bool
    absent: tuple[tuple[str, str], ...] = ()


class ClockUse(msgspec.Struct, frozen=True, array_like=True):
    """What of a policy reads `now`: rules (by index), whether any line of `decide` and any output does, and selections.

    `telling` are the ids of rules whose message contains a value that grows with the clock, `lacking` the names of
    selections whose `required` message does, `saying` the lines of `decide` (by index) whose reason does.
    """

    rules: tuple[int, ...] = ()
    lines: bool = False
    outputs: bool = False
    telling: tuple[str, ...] = ()
    candidates: tuple[ClockCandidates, ...] = ()
    lacking: tuple[str, ...] = ()
    saying: tuple[int, ...] = ()


class CompiledPolicy(msgspec.Struct, frozen=True, array_like=True):
    """A policy, its selections as SQL and its rules as rulesets, ready to decide.

    `undated` is SQL for receipts of the kinds it reads whose `at` is not an instant: time ranges would omit them.
    `closures` are the digests of the policies that it needs, one for each need, all that those need included.
    """

    policy: Policy
    queries: tuple[Query, ...]
    undated: str | None
    relations: tuple[Relation, ...]
    strata: tuple[Stratum, ...]
    clock: ClockUse = ClockUse()
    closures: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """Every SQL that judging may run."""
        found = [(each.sql, each.members, each.ahead) for each in self.queries]
        found += [(each.query.sql, None, None) for each in self.clock.candidates]
        return tuple(sql for each in ((self.undated,), *found) for sql in each if sql is not None)
