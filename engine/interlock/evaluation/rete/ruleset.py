"""A stratum of a compiled policy, ready to run over facts as often as wanted."""

from __future__ import annotations

from _thread import allocate_lock  # `threading` costs more than a decision
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from interlock.diagnostics import EngineError
from interlock.evaluation.rete.limits import MAX_FACTS, MAX_STEPS, EngineRows, check_facts, check_steps
from interlock.evaluation.rete.rules import EngineRule, Translator
from interlock.evaluation.rete.session import EngineSession, fact_text, require_engine
from interlock.model.compiled import Relation, Stratum
from interlock.model.facts import Value

PATTERNS_OF_A_KIND = 60
RULES = 200
KINDS = 400


class Match(msgspec.Struct, frozen=True):
    """One combination of facts for which some branch of `target` holds; see `compiled.Branch` for what it repeats.

    `loops` are, for each alias of `Branch.loops`, the place of its fact in the facts of its relation, from 0.
    """

    target: int
    decides: bool
    blocked: bool | None
    loops: tuple[int, ...]


class Ruleset:
    """The branches of one stratum in the rules engine. Safe for threads; one run at a time."""

    def __init__(self, relations: tuple[Relation, ...], stratum: Stratum) -> None:
        """Raises EngineError when the engine is not there, or cannot hold a branch."""
        require_engine()
        translator = Translator(relations)
        self._rules = [translator.rule(branch) for branch in stratum.branches]
        self._candidates = [rule.candidates for rule in self._rules]
        self._symbols = translator.symbols
        self._layouts = translator.layouts
        self._texts = {name: fact_text(layout.kind, len(layout.fields)) for name, layout in self._layouts.items()}
        self._lock = allocate_lock()
        self._sessions: list[tuple[EngineSession, tuple[str, ...]]] = []
        for numbers, kinds in _split(self._rules):
            self._sessions.append((EngineSession({str(n): self._rules[n].patterns for n in numbers}), tuple(kinds)))

    def run(
        self,
        facts: Mapping[str, Sequence[Mapping[str, Value]]],
        *,
        max_facts: int = MAX_FACTS,
        max_steps: int = MAX_STEPS,
    ) -> list[Match]:
        """Every match over the facts, each once, in order. `facts` are by relation, each the values of its columns.

        Raises EngineError when that is more work than the engine is given, when a value is none it can compare
        exactly, or when the engine does not keep its word; KeyError when a relation or column is missing (a bug).
        """
        check_facts({name: facts[name] for name in self._layouts}, max_facts)
        symbols = dict(self._symbols)
        rows = {name: layout.rows(facts[name], symbols) for name, layout in self._layouts.items()}
        check_steps(self._candidates, rows, max_steps)
        first, texts = self._write(rows)
        found: set[Match] = set()
        with self._lock:
            if self._rules and not self._sessions:
                raise ValueError("the ruleset is closed")
            for session, kinds in self._sessions:
                sent = [text for kind in kinds for text in texts[kind]]
                found.update(self._match(name, bound, first) for name, bound in session.matches(sent))
        return sorted(found, key=_order)

    def close(self) -> None:
        """Frees what the engine holds. The ruleset cannot run after that."""
        with self._lock:
            while self._sessions:
                self._sessions.pop()[0].close()

    def _write(self, rows: Mapping[str, EngineRows]) -> tuple[dict[str, int], dict[str, list[str]]]:
        """The text of every fact by relation, and the number of the first of each."""
        first: dict[str, int] = {}
        texts: dict[str, list[str]] = {}
        number = 0
        for name, some in rows.items():
            first[name], text = number, self._texts[name]
            texts[name] = [text % (number + place, *row) for place, row in enumerate(some)]
            number += len(some)
        return first, texts

    def _match(self, name: str, bound: Mapping[str, int], first: Mapping[str, int]) -> Match:
        rule = self._rules[int(name)]
        loops = tuple([bound[alias] - first[relation] for relation, alias in rule.loops])
        return Match(rule.branch.target, rule.branch.decides, rule.branch.blocked, loops)


def _split(rules: Iterable[EngineRule]) -> list[tuple[list[int], Counter[str]]]:
    """The rules' numbers, parted to keep to the limits of a C ruleset, each part with its patterns by relation."""
    parts: list[tuple[list[int], Counter[str]]] = []
    for number, rule in enumerate(rules):
        patterns = Counter([candidates.relation for candidates in rule.candidates])
        for relation, count in patterns.items():
            if count > PATTERNS_OF_A_KIND:
                raise EngineError(
                    f"a rule looks for `{relation}` {count} times, more than the {PATTERNS_OF_A_KIND} the rules engine "
                    "can hold; split it"
                )
        if not parts or not _fits(patterns, *parts[-1]):
            parts.append(([], Counter()))
        numbers, kinds = parts[-1]
        numbers.append(number)
        kinds.update(patterns)
    return parts


def _fits(patterns: Counter[str], numbers: Sequence[int], kinds: Counter[str]) -> bool:
    return (
        len(numbers) < RULES
        and len(kinds.keys() | patterns.keys()) <= KINDS
        and all(kinds[relation] + count <= PATTERNS_OF_A_KIND for relation, count in patterns.items())
    )


def _order(match: Match) -> tuple[int, bool, int, tuple[int, ...]]:
    return match.target, match.decides, (None, False, True).index(match.blocked), match.loops
