"""What may be written at the caret in an expression: names, fields, parameters, functions, operators and texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interlock.analysis.editor.draft import Draft
from interlock.analysis.editor.expressions import Before, Seen, Token
from interlock.analysis.editor.item import Item, ItemKind
from interlock.analysis.editor.schema import is_common
from interlock.analysis.editor.wording import (
    about_expression,
    about_fact,
    about_field,
    about_parameter,
    is_value,
    owner,
    type_text,
)
from interlock.language.calls import FOLDS, OF_OPTIONAL
from interlock.language.functions import FUNCTIONS as VALUES
from interlock.language.scope import FUNCTIONS, MACROS, OPERATORS, FactType, Maybe, ObjectType, Scope
from interlock.model.expression import Type, type_of
from interlock.policy.check.issues import MAX_EXPRESSION_LENGTH, RESERVED

_EQUAL = ("==", "!=")
_LITERALS = ("true", "false", "null")
_APART = ("params", "variables", "blocked", "in", *_LITERALS, *FUNCTIONS)
"""Reserved words that stand for something else than a value."""
_FRESH = "x__"
"""A name that no author gives a variable."""
_AFTER = ("", ".size() > 0", ".exists(y__, true)")
"""What makes a condition of a macro, which may not be one alone."""


def in_expression(draft: Draft, text: str, scope: Scope, quote: str) -> Iterator[Item]:
    """What may follow an expression's text up to the caret, in a text of YAML between these quotes, if any."""
    if len(text) > MAX_EXPRESSION_LENGTH:
        return
    before = Before(text, scope)
    last = before.tokens[-1] if before.tokens else None
    if last is not None and last.kind == "open":
        yield from _texts(_possible(before, len(before.tokens) - 1), len(last.text) - 1, "", quote)
        return
    word = last.text if last is not None and last.kind == "name" and last.end == len(text) else ""
    count = len(before.tokens) - bool(word)
    previous = before.tokens[count - 1] if count else None
    if previous is not None and previous.text in (".", ".?"):
        yield from _members(draft, before, count, word)
    elif previous is not None and _ends(previous):
        yield from (Item(each, "operator", each, len(word)) for each in _operators())
    else:
        yield from _texts(_possible(before, count), len(word), '"', quote)
        yield from _names(draft, before.inside(count), word)


def _operators() -> list[str]:
    return [each for each in OPERATORS.split() if each not in ("!", "?:")] + ["?"] * ("?:" in OPERATORS)


def _ends(token: Token) -> bool:
    """Whether an operand ends with the token, so that an operator may follow."""
    return (token.kind in ("name", "string", "number") and token.text != "in") or token.text in (")", "]")


def _possible(before: Before, count: int) -> tuple[str, ...]:
    """The texts that may stand after the first tokens: those of the type of what they are compared with."""
    opened = before.opened(count)
    at = count - 1
    if at < 0:
        return ()
    token = before.tokens[at]
    if token.text in _EQUAL:
        return _enum(before, at - 1)
    if not opened or before.tokens[opened[-1]].text not in ("[", "[?"):
        return ()
    bracket = opened[-1]
    if bracket and before.tokens[bracket - 1].text == "in" and token.text in ("[", ","):
        return _enum(before, bracket - 2)
    if at == bracket and bracket and before.tokens[bracket - 1].kind == "name":
        known = before.scope.selections.get(before.tokens[bracket - 1].text)
        return known.key.enum if known is not None and known.key is not None else ()
    return ()


def _enum(before: Before, last: int) -> tuple[str, ...]:
    """The values of the operand that ends with a token, where they are listed."""
    first = before.operand(last) if last >= 0 else None
    found = before.typed(first, last) if first is not None else None
    return type_of(found.thing).enum if found is not None and is_value(found.thing) else ()


def _texts(values: tuple[str, ...], length: int, mark: str, quote: str) -> Iterator[Item]:
    """Texts of a closed set. `mark` is what they stand between, if they do not yet."""
    mark = f"\\{mark}" if mark == quote == '"' else mark
    for rank, value in enumerate(values):
        yield Item(f'"{value}"' if mark else value, "value", f"{mark}{value}{mark}", length, rank=rank)


def _members(draft: Draft, before: Before, count: int, word: str) -> Iterator[Item]:
    """What may follow a dot: members of a group, fields of a fact, methods of a value, macros of a selection."""
    last = count - 2
    first = before.operand(last) if last >= 0 else None
    if first is None:
        return
    scope, root = before.inside(first), before.tokens[first].text if first == last else ""
    shadowed = root in (*scope.bound, *scope.variables, *scope.selections)
    if root == "params" and not shadowed:
        yield from _parameters(draft, scope, word)
    elif root == "variables" and not shadowed:
        yield from _expressions(draft, scope, word)
    else:
        for each in (each.removeprefix(f"{root}.") for each in FUNCTIONS if each.startswith(f"{root}.")):
            yield Item(each, "function", f"{each}(", len(word))
    found = before.typed(first, last)
    if found is not None:
        yield from _of_thing(draft, found, word)
    elif before.tokens[last].text == "]" and before.tokens[first + 1].text == "[":
        name = before.tokens[first].text  # what is wrong with the key does not matter here
        looked_up = scope.selections.get(name)
        yield from _fields(draft, name, looked_up.fields if looked_up is not None else {}, "", word)
    if found is None or not is_value(found.thing):
        yield from _macros(draft, before, first, last, word)


def _of_thing(draft: Draft, found: Seen, word: str) -> Iterator[Item]:
    """What may follow a dot after a part of an expression that was typed."""
    thing = found.thing
    if isinstance(thing, FactType):
        yield from _fields(draft, owner(thing.of, found.scope), thing.fields, "", word)
    elif isinstance(thing, ObjectType):
        yield from _fields(draft, owner(thing.fact.of, found.scope), thing.fact.fields, f"{thing.path}.", word)
    node = thing.node if isinstance(thing, Maybe) else thing if is_value(thing) else None
    for name, of in type_of(node).fields if node is not None else ():
        yield Item(name, "field", name, len(word), type_text(of))
    if isinstance(thing, Maybe) or (isinstance(thing, ObjectType) and thing.maybe):
        for each in OF_OPTIONAL:
            yield Item(each, "function", f"{each}(", len(word), "of an optional value", rank=1)
    elif is_value(thing):
        kind = type_of(thing).kind
        for each in FOLDS if kind in ("list", "map") else ():
            yield Item(each, "function", f"{each}(x, ", len(word), f"of a {kind}", rank=1)
        methods = [each for each in VALUES.values() if each.form == "method" and _takes(each.takes, kind)]
        for name, function in {each.name: each for each in methods}.items():
            detail = f"({', '.join(function.takes[1:])}) → {function.gives}"
            yield Item(name, "function", f"{name}(", len(word), detail, rank=2)


def _takes(types: tuple[str, ...], kind: str) -> bool:
    """Whether a method of these types may be of a value of that kind."""
    return bool(types) and types[0].partition("<")[0] in (kind, "*", "T")


def _macros(draft: Draft, before: Before, first: int, last: int, word: str) -> Iterator[Item]:
    """The macros of a selection, or of what is filtered of one: those that the type checker takes here."""
    name, of = before.tokens[first].text, before.text[before.tokens[first].start : before.tokens[last].end]
    for macro in MACROS:
        call = "size()" if macro == "size" else f"{macro}({_FRESH}, true)"
        if any(before.typed_as(first, f"{of}.{call}{after}") is not None for after in _AFTER):
            text = "size()" if macro == "size" else f"{macro}(x, "
            yield Item(macro, "function", text, len(word), f"of {name}", about_fact(draft, name), 1)


def _fields(draft: Draft, name: str, fields: Mapping[str, Type], path: str, word: str) -> Iterator[Item]:
    """The fields under a path of a fact: first those of its kind, then those that every fact has."""
    common = [each for each in fields if is_common(each)]
    for rank, field in enumerate([*(each for each in fields if each not in common), *common]):
        if field.startswith(path):
            about = about_field(draft, name, field, fields[field])
            label = field.removeprefix(path)
            yield Item(label, "field", label, len(word), type_text(fields[field]), about, rank)


def _expressions(draft: Draft, scope: Scope, word: str, group: str = "") -> Iterator[Item]:
    """The policy's `variables`."""
    for name in scope.named.trees:
        yield Item(f"{group}{name}", "variable", f"{group}{name}", len(word), about=about_expression(draft, name))


def _parameters(draft: Draft, scope: Scope, word: str, group: str = "") -> Iterator[Item]:
    for name, found in scope.params.items():
        yield Item(
            f"{group}{name}",
            "parameter",
            f"{group}{name}",
            len(word),
            type_text(found),
            about_parameter(draft, name),
        )


def _names(draft: Draft, scope: Scope, word: str) -> Iterator[Item]:
    """What an operand may begin with."""
    length = len(word)
    for name in scope.variables:
        yield Item(name, "variable", name, length, "the fact", about_fact(draft, name))
    for name, known in scope.selections.items():
        if name not in scope.variables:
            kind: ItemKind = "fact"
            detail = {"single": "one fact", "map": "a map of facts", "many": "several facts"}[known.shape]
            yield Item(name, kind, name, length, detail, about_fact(draft, name), 1)
    for name in scope.bound:
        yield Item(name, "variable", name, length)
    yield from _parameters(draft, scope, word, "params.")
    yield from _expressions(draft, scope, word, "variables.")
    values = [each for each in RESERVED if each not in _APART] + ["blocked"] * scope.blocked
    for each in values:
        yield Item(each, "variable", each, length, rank=2)
    for each in FUNCTIONS:
        yield Item(each, "function", f"{each}(", length, rank=3)
    for each in _LITERALS:
        yield Item(each, "value", each, length, _literal(each), rank=3)


def _literal(word: str) -> str:
    return type_text(Type("null" if word == "null" else "bool", nullable=False))
