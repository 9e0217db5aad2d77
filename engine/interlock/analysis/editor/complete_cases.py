"""What may be written at the caret in a test, or in a list of waivers: keys, and names of the policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.analysis.editor.complete import Caret, by_schema, named
from interlock.analysis.editor.item import Item
from interlock.model.policy import Policy
from interlock.policy.docs import parameter_line
from interlock.schemas import Catalog


def in_test(caret: Caret, policy: Policy | None, policies: Iterable[str], catalog: Catalog) -> Iterator[Item]:
    """What a test of a policy may have at the caret; its facts are of the kinds of a catalog."""
    yield from by_schema(caret, "test", catalog)
    if caret.path == ("policy",):
        yield from named(policies, "policy", caret.word)
    if policy is None:
        return
    above = caret.path[:-1]
    match above[-1:], caret.path[-1:]:
        case ("params",), _ if caret.is_key:
            for parameter in policy.parameters:
                if parameter.name not in caret.siblings():
                    about = parameter_line(parameter)
                    yield Item(parameter.name, "key", f"{parameter.name}: ", len(caret.word), parameter.kind, about)
        case ("outputs",), _ if caret.is_key:
            outputs = [each.name for each in policy.outputs if each.name not in caret.siblings()]
            yield from named(outputs, "key", caret.word, ": ")
        case ("findings",), (int(),):
            yield from named((rule.id for rule in policy.rules if rule.effect != "derive"), "rule", caret.word)
        case (int(),), ("rule",):
            yield from named((rule.id for rule in policy.rules if rule.effect != "derive"), "rule", caret.word)
        case ("expect",), ("state",):
            yield from named(dict.fromkeys(line.state for line in policy.decide), "value", caret.word)


def in_waivers(caret: Caret, policy: Policy | None, policies: Iterable[str]) -> Iterator[Item]:
    """What a list of waivers may have at the caret; `policy` is the one that the waiver names."""
    yield from by_schema(caret, "waivers")
    match caret.path:
        case (int(), "policy"):
            yield from named(policies, "policy", caret.word)
        case (int(), "rule") if policy is not None:
            yield from named((rule.id for rule in policy.rules if rule.effect in ("block", "warn")), "rule", caret.word)
