"""The resolving of names: parameters, selections, variables, their fields, functions and macros."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from interlock import instant
from interlock.diagnostics import nearest
from interlock.language.refused import refused_function, refused_name
from interlock.language.scope import EVERYTHING, FUNCTIONS, MACROS, FactType, Scope, TypeCheckAborted, with_article
from interlock.language.unparse import notation
from interlock.model.expression import (
    Blocked,
    Compare,
    Constant,
    Exists,
    Field,
    MapRef,
    Node,
    Not,
    Now,
    Param,
    Reference,
    SingletonRef,
    Size,
    TaskId,
    Type,
    VariableRef,
    type_of,
)

if TYPE_CHECKING:
    from interlock.language.scope import SelectionType
    from interlock.language.typecheck import Checker


def type_name(checker: Checker, tree: Any) -> Node | FactType:
    """A bare name: `now`, `task`, `blocked`, a variable, or a single selection."""
    word = str(tree.children[0])
    scope = checker.scope
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
    known = {*scope.variables, *scope.selections, "now", "task", "params", *(["blocked"] if scope.blocked else [])}
    return checker.fault("E204", tree, f"unknown name `{word}`", _meant_name(scope, word, known))


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
    return f"did you mean `params.{near}`?" if near and not nearest(word, known) else _meant(word, known)


def _facts(scope: Scope) -> Iterator[tuple[str, Mapping[str, Type]]]:
    """The facts in sight, with their fields."""
    yield from scope.variables.items()
    yield from ((name, known.fields) for name, known in scope.selections.items())


def type_select(checker: Checker, tree: Any) -> Node | FactType:
    """`x.f`: a parameter, or a field of a fact by its dotted path."""
    path, base = [str(tree.children[1])], tree.children[0]
    while base.data == "select":
        path.insert(0, str(base.children[1]))
        base = base.children[0]
    if base.data == "name" and str(base.children[0]) == "params":
        return _param(checker, tree, path)
    fact = checker.thing(base)
    if not isinstance(fact, FactType):
        raise checker.fault("E205", tree, f"{with_article(type_of(fact).kind)} has no fields")
    return _field(checker, tree, fact, ".".join(path))


def _param(checker: Checker, tree: Any, path: list[str]) -> Node:
    params = checker.scope.params
    if f"params.{path[0]}" in checker.scope.refused:
        raise TypeCheckAborted
    if path[0] not in params:
        raise checker.fault("E206", tree, f"unknown parameter `{path[0]}`", _meant(path[0], params))
    if len(path) > 1:
        raise checker.fault("E205", tree, f"{with_article(params[path[0]].kind)} has no fields")
    return Param(path[0], params[path[0]])


def _field(checker: Checker, tree: Any, fact: FactType, path: str) -> Node:
    found = fact.fields.get(path)
    if found is None:
        hint = _meant(path, fact.fields)
        if path.partition(".")[0] == "previous":
            where = checker.scope.place == "where"
            hint = "a `where` knows one fact at a time" if where else f"declare it: `previous: FIELD` in `{fact.name}`"
        raise checker.fault("E207", tree.children[1], f"unknown field `{path}` of `{fact.name}`", hint)
    return Field(fact.of, path, found)


def type_index(checker: Checker, tree: Any) -> FactType:
    """`M[key]`: a fact of a map."""
    base, key_tree = tree.children
    word = str(base.children[0]) if base.data == "name" else ""
    known = checker.scope.selections.get(word)
    if known is None:
        raise unknown_name(checker, base, word) if word else checker.fault("E208", tree, "only a map has keys")
    if known.shape != "map" or known.key is None:
        hint = "a map is a selection with `per` one field that takes one" if known.shape != "single" else None
        raise checker.fault("E208", base, f"`{word}` is not a map with a single key", hint)
    key = checker.value(key_tree)
    checker.expect(key_tree, type_of(key), known.key.kind)
    if isinstance(key, Constant):
        from interlock.language.operators import check_enum_member

        check_enum_member(checker, key_tree, key, known.key)
    if checker.scope.place != "value":
        _plain_key(checker, key_tree, key)
    return FactType(MapRef(word, key), known.fields, f"{word}[…]", known.groups)


def _plain_key(checker: Checker, at: Any, key: Node) -> None:
    if isinstance(key, Field) and isinstance(key.of, MapRef):
        raise checker.fault("E209", at, "map lookups cannot be nested", "range over that map with `for`")
    if isinstance(key, Field) and key.of == VariableRef(checker.macro or ""):
        hint = "select those facts first: a selection of a selection"
        raise checker.fault("E209", at, f"the key of a map depends on the macro's `{checker.macro}`", hint)
    if not isinstance(key, Field | Param | Constant | TaskId):
        raise checker.fault("E209", at, "the key of a map is a field, a parameter or a written value")


def type_method(checker: Checker, tree: Any) -> Node:
    """`S.exists(x, c)`, `S.all(x, c)`, `S.size()`."""
    base, word, arguments = tree.children[0], str(tree.children[1]), _arguments(tree.children[2])
    if word not in MACROS:
        raise _not_part(checker, tree, word, MACROS)
    if base.data != "name":
        raise _of_no_selection(checker, tree, word)
    selection = str(base.children[0])
    known = checker.scope.selections.get(selection)
    if known is None or known.shape == "single":
        if known is None and selection not in checker.scope.variables:
            raise unknown_name(checker, base, selection)
        raise checker.fault("E210", base, f"`{selection}` is one fact", f"compare it with null: {selection} != null")
    if word == "size":
        if arguments or checker.scope.place != "value":
            raise checker.fault("E304", tree, "size() is for outputs and messages", "count with `take: count`")
        return Size(selection)
    return _macro(checker, tree, word, selection, known, arguments)


def _not_part(checker: Checker, tree: Any, word: str, known: Iterable[str]) -> TypeCheckAborted:
    """A function or method that the language does not have: what to write instead, or the nearest that it has."""
    hint = refused_function(word) or _meant(word, known) or f"there is {EVERYTHING}"
    return checker.fault("E302", tree, f"`{word}` is not part of the language", hint)


def _of_no_selection(checker: Checker, tree: Any, word: str) -> TypeCheckAborted:
    """A macro of something else than a selection: what that is, and what can be asked of it."""
    found = checker.thing(tree.children[0])
    if isinstance(found, FactType):
        what, hint = f"the fact `{found.name}`", "compare it with null"
    else:
        what = with_article(type_of(found).kind)
        hint = f"name a selection: S.{word}({'' if word == 'size' else 'x, …'})"
        if isinstance(found, Field) and type_of(found).kind in ("list", "object"):
            hint = f"compare it with null: {notation(found)} != null"
        elif isinstance(found, Param) and type_of(found).kind == "list":
            hint = f"ask whether it has a member: … in params.{found.name}"
    return checker.fault("E302", tree, f"`{word}` is of a selection, not of {what}", hint)


def _macro(checker: Checker, tree: Any, word: str, selection: str, known: SelectionType, arguments: list[Any]) -> Node:
    if checker.macro is not None:
        raise checker.fault(
            "E305", tree, f"`{word}` does not nest", "derive a fact for the inner one, and ask for that"
        )
    if len(arguments) != 2 or arguments[0].data != "name":
        raise checker.fault(
            "E306", tree, f"`{word}` takes a variable and a condition", f"{selection}.{word}(x, x.f == …)"
        )
    variable = str(arguments[0].children[0])
    scope = checker.scope
    if variable in {*scope.variables, *scope.selections, "now", "task", "params", "blocked"}:
        raise checker.fault("E307", arguments[0], f"`{variable}` is already defined", "rename the variable")
    checker.scope, checker.macro = scope.within(variable, known), variable
    try:
        condition = checker.condition(arguments[1])
    finally:
        checker.scope, checker.macro = scope, None
    return (
        Exists(selection, variable, condition) if word == "exists" else Not(Exists(selection, variable, Not(condition)))
    )


def type_call(checker: Checker, tree: Any) -> Node:
    """`duration("3m")`, `timestamp("…")`, `has(x.f)`."""
    word, arguments = str(tree.children[0]), _arguments(tree.children[1])
    if word not in FUNCTIONS:
        raise _not_part(checker, tree, word, FUNCTIONS)
    if word == "has":
        if len(arguments) != 1 or arguments[0].data != "select":
            raise checker.fault("E306", tree, "`has` takes a field: has(x.f)")
        return Compare("!=", checker.value(arguments[0]), Constant(None, Type("null")))
    if len(arguments) != 1 or arguments[0].data != "string":
        raise checker.fault("E306", tree, f"`{word}` takes a string literal", f'{word}("…")')
    found = checker.value(arguments[0])
    assert isinstance(found, Constant)
    text = str(found.value)
    read = instant.parse_duration if word == "duration" else instant.read_instant
    try:
        value = read(text)
    except ValueError as error:
        raise checker.fault("E308", arguments[0], str(error)) from None
    if word == "duration" and "d" in text:
        hint = f'CEL has no days: write duration("{instant.format_duration(value)}")'
        raise checker.fault("E308", arguments[0], f"`{text}` counts days", hint)
    if word == "timestamp" and len((instant.in_utc(text) or "").partition(".")[2].rstrip("Z0")) > 6:
        raise checker.fault(
            "E308", arguments[0], f"`{text}` is more precise than a microsecond", "remove its last digits"
        )
    return Constant(value, Type("duration" if word == "duration" else "timestamp", nullable=False))


def _arguments(tree: Any) -> list[Any]:
    return list(tree.children) if tree is not None else []


def _meant(word: str, known: Iterable[str] | Mapping[str, Any]) -> str | None:
    near = nearest(word, known)
    if near:
        return f"did you mean `{near}`?"
    listed = sorted(known)
    return f"there is {', '.join(listed)}" if 0 < len(listed) <= 12 else None


def reference_name(of: Reference) -> str:
    """The name that a reference is written with."""
    return of.name if isinstance(of, VariableRef) else of.selection
