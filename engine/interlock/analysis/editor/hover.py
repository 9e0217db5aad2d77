"""What is said of the word under the pointer: its type, what it is for, and where it comes from."""

from __future__ import annotations

import msgspec

from interlock.analysis.editor.draft import Draft, text_of
from interlock.analysis.editor.expressions import seen
from interlock.analysis.editor.schema import node_at
from interlock.analysis.editor.symbols import Occurrence, Symbol, at_offset, occurrences
from interlock.analysis.editor.tolerant import Place, place_at
from interlock.analysis.editor.wording import about_expression, about_fact, about_kind, about_parameter, about_thing
from interlock.model.expression import Constant
from interlock.policy.check.issues import Expression
from interlock.policy.docs import code, prose
from interlock.policy.parse import Document
from interlock.schemas import SHIPPED, Catalog


class Hover(msgspec.Struct, frozen=True):
    """A text in Markdown, about the characters from offset `start` to `end`."""

    text: str
    start: int
    end: int


def in_policy(draft: Draft, offset: int) -> Hover | None:
    """What is said of an offset in a policy."""
    place = place_at(draft.document, offset)
    if place is None:
        return None
    every = occurrences(draft)
    found = at_offset(every, offset)
    if found is not None and found.symbol.kind == "variable" and found.declares:
        use = next((each for each in every if each.symbol == found.symbol and not each.declares), None)
        inner = in_policy(draft, use.start) if use is not None else None
        return Hover(inner.text, found.start, found.end) if inner is not None else None
    about = None if found is None else _about_symbol(draft, found.symbol)
    if found is not None and about is not None:
        return Hover(about, found.start, found.end)
    typed = _in_expressions(draft, place, offset, found)
    return typed or _of_kind(draft, place) or by_schema(draft.document, "policy", place)


def _about_symbol(draft: Draft, symbol: Symbol) -> str | None:
    """What is said of a name wherever it stands; None where that depends on the place."""
    match symbol.kind:
        case "fact":
            return about_fact(draft, symbol.name)
        case "parameter":
            return about_parameter(draft, symbol.name)
        case "expression":
            return about_expression(draft, symbol.name)
    return None


def by_schema(document: Document, name: str, place: Place | None, catalog: Catalog = SHIPPED) -> Hover | None:
    """What the schema `name`, with the kinds of a catalog, says of a place."""
    node = node_at(name, place.path, catalog) if place is not None else None
    if place is None or node is None or not node.description:
        return None
    if not place.is_key and isinstance(document.data_at(place.path), dict | list):
        return None  # between what is in it, there is nothing to be said
    listed = ", ".join(code(str(value).lower() if isinstance(value, bool) else str(value)) for value in node.values)
    return Hover("\n\n".join(part for part in (prose(node.description), listed) if part), place.start, place.end)


def _of_kind(draft: Draft, place: Place) -> Hover | None:
    kind = text_of(draft.document, place.path)
    is_source = place.path[:1] == ("facts",) and place.path[2:3] == ("from",) and not place.is_key
    if not is_source or kind not in draft.catalog.kinds:
        return None
    return Hover(about_kind(draft, kind), place.start, place.end)


def _in_expressions(draft: Draft, place: Place, offset: int, named: Occurrence | None) -> Hover | None:
    """What the type checker makes of the smallest part of an expression that the offset is in."""
    if place.is_key:
        return None
    best: Hover | None = None
    for expression in draft.expressions:
        if expression.path == place.path:
            for found in _parts(draft, expression):
                inner = found.start <= offset <= found.end
                if inner and (best is None or found.end - found.start < best.end - best.start):
                    best = found
    if named is not None and best is not None and named.start == best.start and named.end == best.end:
        return msgspec.structs.replace(best, text=f"{code(named.symbol.name)}: a fact of {best.text}")
    return best


def _parts(draft: Draft, expression: Expression) -> list[Hover]:
    found = []
    for part in seen(expression.text, expression.scope):
        if not isinstance(part.thing, Constant):
            place = draft.document.within(expression.path, expression.start + part.start, expression.start + part.end)
            found.append(Hover(about_thing(draft, part.thing, part.scope), place.start, place.end))
    return found
