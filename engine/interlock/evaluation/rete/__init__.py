"""Runs the rules of a compiled policy in the rules engine, durable-rules, of which this is the only importer.

The engine is exact in a small part of what it offers, and wrong, or crashes, in much of the rest
(docs/design/engine.md). So branches are translated to that part (`rules`), every value to an integer (`encoding`), work
without end is refused (`limits`), and whatever the engine does differently from what it must is an error, never a
decision (`session`).
"""

from interlock.evaluation.rete.ruleset import Match, Ruleset
from interlock.evaluation.rete.session import AVAILABLE

__all__ = ["AVAILABLE", "Match", "Ruleset"]
