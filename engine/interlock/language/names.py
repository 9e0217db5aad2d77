"""The resolving of names: parameters, selections, variables, and their fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from interlock.diagnostics import nearest
from interlock.language.operators import called, check_enum_member
from interlock.language.refused import refused_function, refused_name
from interlock.language.scope import (
    EVERYTHING,
    FactType,
    Maybe,
    ObjectType,
    Scope,
    Thing,
    TypeCheckAborted,
    with_article,
)
from interlock.language.unparse import notation
from interlock.language.walk import reference_name
from interlock.model.expression import (
    Blocked,
    Call,
    Constant,
    Field,
    MapRef,
    Node,
    Now,
    Param,
    SingletonRef,
    TaskId,
    Type,
    VariableRef,
    type_of,
)

if TYPE_CHECKING:
    from interlock.language.scope import SelectionType
    from interlock.language.typecheck import Checker

HIDING = ("kind", "id", "seq", "task", "at", "actor", "severity", "summary")
"""The fields that every fact has and that have no fields themselves: its own data of that name is in `attributes`."""


def type_name(checker: Checker, tree: Any) -> Thing:
    """A bare name: `now`, `task`, `blocked`, a variable, or a single selection."""
    word = str(tree.children[0])
    scope = checker.scope
    if word in scope.bound:
        return scope.bound[word]
    if word in scope.variables:
        return FactType(VariableRef(word), scope.variables[word], word, word in scope.groups)
    if word == "now":
        return Now()
    if word == "task":
        return TaskId()
    if word == "blocked" and scope.blocked:
        return Blocked()
    if word in scope.selections:
        known = scope.selections[word]
        if known.shape == "single":
            return FactType(SingletonRef(word), known.fields, word)
        raise checker.fault("E201", tree, _several(word, known), _several_hint(word, known))
    raise unknown_name(checker, tree, word)


def _several(word: str, known: SelectionType) -> str:
    return f"`{word}` is a map of facts" if known.shape == "map" else f"`{word}` is several facts, not one"


def _several_hint(word: str, known: SelectionType) -> str:
    by_key = f'{word}["…"], ' if known.shape == "map" and known.key else ""
    return f"write {by_key}{word}.exists(x, …), or range over it with `for: {word}`"


def unknown_name(checker: Checker, tree: Any, word: str) -> TypeCheckAborted:
    """A name that is not in sight: why, or the nearest one that is."""
    scope = checker.scope
    if word in scope.refused:
        return TypeCheckAborted()
    if word in scope.hidden:
        return checker.fault("E202", tree, f"`{word}` cannot be named here", scope.hidden[word])
    if word == "params":
        return checker.fault("E203", tree, "`params` is not a value", "name a parameter: params.NAME")
    if word == "blocked":
        return checker.fault(
            "E202", tree, "`blocked` cannot be named here", "it is known in `decide` and `outputs` only"
        )
    if word == "variables":
        return checker.fault("E203", tree, "`variables` is not a value", "name a variable: variables.NAME")
    known = {
        *scope.bound,
        *scope.variables,
        *scope.selections,
        "now",
        "task",
        "params",
        *(["blocked"] if scope.blocked else []),
    }
    return checker.fault("E204", tree, f"unknown name `{word}`", _meant_name(scope, word, known))


def params_are_there(scope: Scope, tree: Any) -> bool:
    """Whether a comparison is `params != null` or its opposite, in a policy that has parameters."""
    sides = (tree.children[0], tree.children[2])
    words = ["null" if side.data == "null" else str(side.children[0]) if side.data == "name" else "" for side in sides]
    named = {"params"} & {*scope.bound, *scope.variables, *scope.selections}
    return (
        sorted(words) == ["null", "params"]
        and tree.children[1].value in ("==", "!=")
        and bool(scope.params)
        and not named
    )


def _meant_name(scope: Scope, word: str, known: Iterable[str]) -> str | None:
    """What was meant by a name: a parameter without its `params`, what another language calls so, or a near one."""
    if word in scope.params:
        return f"a parameter is named with params: params.{word}"
    other = refused_name(word)
    if other is not None:
        return other
    single = [name for name, known in scope.selections.items() if known.shape == "single"]
    having = [name for name, fields in _facts(scope) if word in fields and name in (*scope.variables, *single)]
    if having:
        return f"name its fact: {having[0]}.{word}"
    if any(word in each.enum for _, fields in _facts(scope) for each in fields.values()):
        return f'a text stands between quotes: "{word}"'
    near = nearest(word, scope.params)
    return f"did you mean `params.{near}`?" if near and not nearest(word, known) else meant(word, known)


def _facts(scope: Scope) -> Iterator[tuple[str, Mapping[str, Type]]]:
    """The facts in sight, with their fields."""
    yield from scope.variables.items()
    yield from ((name, known.fields) for name, known in scope.selections.items())


def type_select(checker: Checker, tree: Any, *, maybe: bool) -> Thing:
    """`x.f` and `x.?f`: a parameter, one of `variables`, a field of a fact or object, or a value of a map."""
    base, word = tree.children[0], str(tree.children[1])
    group = str(base.children[0]) if base.data == "name" else ""
    if group in ("params", "variables") and group not in (*checker.scope.bound, *checker.scope.selections):
        return _param(checker, tree, word, maybe=maybe) if group == "params" else _named(checker, tree, word)
    after, checker.after = checker.after, (word, *checker.after)
    try:
        thing = _hidden(checker, base, word) or checker.thing(base)
    finally:
        checker.after = after
    return select(checker, tree, thing, word, maybe=maybe)


def _hidden(checker: Checker, base: Any, word: str) -> ObjectType | None:
    """The object of a fact's data that has the name of a field that every fact has, where the field `word` of it is
    named: `request.kind.group` is `request.attributes.kind.group`, for `request.kind` is a text."""
    if base.data not in ("select", "maybe_select"):
        return None
    own, inner = str(base.children[1]), base.children[0]
    if inner.data != "name" or str(inner.children[0]) in ("params", "variables"):
        return None
    fact = checker.thing(inner) if own in HIDING else None
    path = f"attributes.{own}"
    if not isinstance(fact, FactType) or f"{path}.{word}" not in fact.fields:
        return None
    return ObjectType(fact, path, fact.maybe or base.data == "maybe_select")


def _named(checker: Checker, tree: Any, word: str) -> Thing:
    known = checker.scope.named
    known.read.add(word)
    if word in known.refused:
        raise TypeCheckAborted
    if word not in known.trees:
        raise checker.fault("E206", tree, f"unknown variable `{word}`", meant(word, known.trees))
    return checker.named(tree, word)


def _param(checker: Checker, tree: Any, word: str, *, maybe: bool) -> Thing:
    params = checker.scope.params
    if f"params.{word}" in checker.scope.refused:
        raise TypeCheckAborted
    if word not in params:
        raise checker.fault("E206", tree, f"unknown parameter `{word}`", meant(word, params))
    found = Param(word, params[word])
    return Maybe(found) if maybe else found


def select(checker: Checker, tree: Any, thing: Thing, word: str, *, maybe: bool) -> Thing:
    """The field `word` of a fact, of an object in it, or the value that a map has under that key."""
    if isinstance(thing, FactType):
        return _field(checker, tree, thing, word, maybe=maybe or thing.maybe)
    if isinstance(thing, ObjectType):
        return _field(checker, tree, thing.fact, f"{thing.path}.{word}", maybe=maybe or thing.maybe)
    node, maybe = _value_of(checker, tree, thing, maybe=maybe)
    name = Constant(word, Type("string", nullable=False))
    if type_of(node).kind == "map":
        return under(checker, tree, node, name, maybe=maybe)
    if type_of(node).kind == "object":
        fields = dict(type_of(node).fields)
        if word not in fields:
            at = tree.children[-1] if tree.data in ("select", "maybe_select") else tree
            message = f"unknown field `{word}` of `{notation(node)}`"
            raise checker.fault("E207", at, message, meant(word, fields) or "its schema states no fields")
        found = Call("field", (node, name), fields[word].or_null())
        return Maybe(found) if maybe else found
    if isinstance(node, Field):
        hint = f"`{notation(node)}` is {with_article(node.type.kind)}"
        at = tree.children[-1] if tree.data in ("select", "maybe_select") else tree
        raise checker.fault("E207", at, f"unknown field `{node.path}.{word}` of `{reference_name(node.of)}`", hint)
    raise checker.fault("E205", tree, f"{with_article(type_of(node).kind)} has no fields")


def _value_of(checker: Checker, tree: Any, thing: Thing, *, maybe: bool) -> tuple[Node, bool]:
    """A thing as a value, and whether there may be none of it."""
    return (thing.node, True) if isinstance(thing, Maybe) else (checker.node(thing, tree), maybe)


def under(checker: Checker, tree: Any, node: Node, key: Node, *, maybe: bool) -> Thing:
    """What a list or map holds at a place or under a key."""
    found = called(checker, tree, "[?]" if maybe else "[]", "index", (node, key))
    return Maybe(found) if maybe else found


def _field(checker: Checker, tree: Any, fact: FactType, path: str, *, maybe: bool) -> Thing:
    found = fact.fields.get(path)
    inside = f"{path}."
    if (found is None or found.kind == "object") and any(each.startswith(inside) for each in fact.fields):
        return ObjectType(fact, path, maybe)
    if found is None:
        hint = meant(".".join((path, *checker.after)), fact.fields)
        if path.partition(".")[0] == "previous":
            where = checker.scope.place == "where"
            hint = "a `where` knows one fact at a time" if where else f"declare it: `previous: FIELD` in `{fact.name}`"
        at = tree.children[-1] if tree.data in ("select", "maybe_select") else tree
        whole = ".".join((path, *checker.after))
        raise checker.fault("E207", at, f"unknown field `{whole}` of `{fact.name}`", hint)
    node = Field(fact.of, path, found)
    return Maybe(node) if maybe else node


def type_index(checker: Checker, tree: Any, *, maybe: bool) -> Thing:
    """`M[key]`: a fact of a map; `x["f"]` is a field; `l[0]` and `m["k"]` are values."""
    base, key_tree = tree.children
    word = str(base.children[0]) if base.data == "name" else ""
    known = checker.scope.selections.get(word)
    if known is None or known.shape == "single":
        if word and known is None and not _in_sight(checker, word):
            raise unknown_name(checker, base, word)
        return _index(checker, tree, checker.thing(base), key_tree, maybe=maybe)
    if known.shape != "map" or known.key is None:
        if word in checker.scope.variables:
            return _index(checker, tree, checker.thing(base), key_tree, maybe=maybe)
        hint = "a map is a selection with `per` one field that takes one"
        raise checker.fault("E208", base, f"`{word}` is not a map with a single key", hint)
    key = checker.value(key_tree)
    checker.expect(key_tree, type_of(key), known.key.kind)
    check_enum_member(checker, key_tree, key, known.key)
    if checker.scope.place != "value":
        _plain_key(checker, key_tree, key)
    fields = {path: of.or_null() for path, of in known.fields.items()}
    return FactType(MapRef(word, key), fields, f"{word}[…]", known.groups, maybe)


def _in_sight(checker: Checker, word: str) -> bool:
    scope = checker.scope
    return word in ("now", "task", "blocked") or word in scope.variables or word in scope.bound


def _index(checker: Checker, tree: Any, thing: Thing, key_tree: Any, *, maybe: bool) -> Thing:
    key = checker.value(key_tree)
    if isinstance(thing, FactType | ObjectType):
        if not isinstance(key, Constant) or not isinstance(key.value, str):
            raise checker.fault("E208", tree, "the name of a field is written out", 'x["field"]')
        return select(checker, tree, thing, key.value, maybe=maybe)
    node, maybe = _value_of(checker, tree, thing, maybe=maybe)
    if type_of(node).kind == "object" and isinstance(key, Constant) and isinstance(key.value, str):
        return select(checker, tree, thing, key.value, maybe=maybe)
    if type_of(node).kind not in ("list", "map"):
        raise checker.fault("E208", tree, "only a list or a map has members")
    return under(checker, tree, node, key, maybe=maybe)


def _plain_key(checker: Checker, at: Any, key: Node) -> None:
    if isinstance(key, Field) and isinstance(key.of, MapRef):
        raise checker.fault("E209", at, "map lookups cannot be nested", "range over that map with `for`")
    if isinstance(key, Field) and isinstance(key.of, VariableRef) and key.of.name in checker.macros:
        hint = "select those facts first: a selection of a selection"
        raise checker.fault("E209", at, f"the key of a map depends on the macro's `{key.of.name}`", hint)
    if not isinstance(key, Field | Param | Constant | TaskId):
        raise checker.fault("E209", at, "the key of a map is a field, a parameter or a written value")


def not_part(checker: Checker, tree: Any, word: str, known: Iterable[str]) -> TypeCheckAborted:
    """A function or method that the language does not have: what to write instead, or the nearest that it has."""
    hint = refused_function(word) or meant(word, known) or f"there is {EVERYTHING}"
    return checker.fault("E302", tree, f"`{word}` is not part of the language", hint)


def meant(word: str, known: Iterable[str] | Mapping[str, Any]) -> str | None:
    """The nearest of the known words, or all of them where they are few."""
    near = nearest(word, known)
    if near:
        return f"did you mean `{near}`?"
    listed = sorted(known)
    return f"there is {', '.join(listed)}" if 0 < len(listed) <= 12 else None
