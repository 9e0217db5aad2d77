"""How types, parameters, facts and their fields are described to an author, in Markdown."""

from __future__ import annotations

from typing import Any

from interlock.analysis.editor.draft import Draft, derived
from interlock.analysis.editor.expressions import seen
from interlock.analysis.editor.schema import field_description, kind_description
from interlock.language.scope import FactType, Maybe, ObjectType, Scope
from interlock.language.walk import reference_name
from interlock.model.expression import Field, Node, Param, Reference, Type, type_of
from interlock.model.policy import Selection
from interlock.policy.docs import code, parameter_line, prose, taken


def type_text(found: Type) -> str:
    """A type in one line, such as `"manager" | "worker"`, or `timestamp or null`."""
    text = " | ".join(f'"{value}"' for value in found.enum) if found.enum else found.kind
    return f"{text} or null" if found.nullable and found.kind != "null" else text


def about_fact(draft: Draft, name: str) -> str:
    """A selection, need or derived fact: what it is, and where it comes from."""
    selection = draft.names.selections.get(name)
    if selection is not None:
        return _selection(draft, selection)
    need = draft.section("needs").get(name)
    if isinstance(need, dict):
        each = " for each of its tasks" if "tasks" in need else ""
        return f"{code(name)}: the decision of the policy {code(str(need.get('policy')))}{each}"
    rules = [str(rule.get("id")) for rule in draft.rules if name in derived(rule)]
    if rules:
        return f"{code(name)}: a fact derived by {', '.join(map(code, rules))}"
    return code(name)


def about_field(draft: Draft, owner: str, path: str, found: Type) -> str:
    """A field of a fact: its type, and what its schema says."""
    head = f"{code(f'{owner}.{path}')}: {code(type_text(found))}"
    kinds = draft.kinds(owner)
    said = field_description(draft.catalog, kinds, path)
    return "\n\n".join(part for part in (head, prose(said), about_fact(draft, owner)) if part)


def about_parameter(draft: Draft, name: str) -> str:
    """A parameter: its type, its default, and what it is for."""
    parameters = draft.policy.parameters if draft.policy is not None else ()
    return next((f"parameter {parameter_line(each)}" for each in parameters if each.name == name), code(name))


def about_expression(draft: Draft, name: str) -> str:
    """One of the policy's `variables`: its type, where it can be typed, and what it stands for."""
    scope = draft.scope(("variables", name))
    found = seen(f"variables.{name}", scope) if scope is not None else []
    kind = f" {code(type_text(type_of(found[-1].thing)))}," if found and is_value(found[-1].thing) else ""
    return f"{code(f'variables.{name}')}:{kind} stands for {code(str(draft.section('variables').get(name)))}"


def about_kind(draft: Draft, kind: str) -> str:
    """A fact kind."""
    return f"fact kind {code(kind)}: {prose(kind_description(draft.catalog, kind))}"


def about_thing(draft: Draft, thing: Any, scope: Scope) -> str:
    """What the type checker made of a part of an expression."""
    if isinstance(thing, Maybe):
        return about_thing(draft, thing.node, scope)
    if isinstance(thing, ObjectType):
        return f"an object of {about_fact(draft, owner(thing.fact.of, scope))}"
    if isinstance(thing, FactType):
        return about_fact(draft, owner(thing.of, scope))
    if isinstance(thing, Field):
        return about_field(draft, owner(thing.of, scope), thing.path, thing.type)
    if isinstance(thing, Param):
        return about_parameter(draft, thing.name)
    return f"type {code(type_text(type_of(thing)))}"


def is_value(thing: Any) -> bool:
    """Whether a part of an expression is a value, which has a type."""
    return isinstance(thing, Node)


def owner(of: Reference, scope: Scope) -> str:
    """The selection, need or derived fact that a fact comes from."""
    name = reference_name(of)
    fields = scope.variables.get(name)
    if name in scope.selections or fields is None:
        return name
    return next((each for each, known in scope.selections.items() if known.fields is fields), name)


def _selection(draft: Draft, selection: Selection) -> str:
    written = draft.section("facts").get(selection.name)
    where = written.get("where") if isinstance(written, dict) else None
    head = f"{code(selection.name)}: {taken(selection, code)}" + (f", where {code(str(where))}" if where else "")
    kinds = [about_kind(draft, kind) for kind in selection.kinds if kind in draft.catalog.kinds]
    return "\n\n".join([head, *kinds[:1]]) if len(kinds) == 1 else head
