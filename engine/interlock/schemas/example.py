"""A value that a field may have, where somebody must make one up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interlock.schemas.fields import members, types_of

Node = dict[str, Any]


def example(name: str, node: Node, at: Any, text: Callable[[str], str]) -> Any:
    """A value of the field: null where it may be, else what its schema names first, or gives as default or example.

    An instant is `at`, a number 1 or what is nearest to that, a text what `text` makes of the field's name, a list
    empty, a mapping what it must hold. Not every schema takes what comes out: a pattern is not met but by an example.
    """
    types = types_of(node) or ["string"]
    if "null" in types:
        return None
    given = [node[word] for word in ("const", "default") if word in node]
    given += [node[word][0] for word in ("enum", "examples") if node.get(word)]
    if given:
        return given[0]
    if node.get("format") == "date-time":
        return at
    match types[0]:
        case "integer" | "number":
            return max(node.get("minimum", 1), min(node.get("maximum", 1), 1))
        case "boolean":
            return False
        case "array":
            return [example(name, node.get("items", {}), at, text) for _ in range(node.get("minItems", 0))]
        case "object":
            return completed(node, {}, at, text)
    made = text(name)
    return (made + "-" * max(0, node.get("minLength", 0) - len(made)))[: node.get("maxLength")]


def completed(node: Node, given: Node, at: Any, text: Callable[[str], str]) -> Node:
    """The mapping with every member that a schema demands of it, those of its members included."""
    properties, required = members(node)
    found = dict(given)
    for name, member in properties.items():
        if name in found and isinstance(found[name], dict) and "properties" in member:
            found[name] = completed(member, found[name], at, text)
        elif name in required and name not in found and name != "kind":
            found[name] = example(name, member, at, text)
    return found
