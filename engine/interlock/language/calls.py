"""The typing of functions, methods and macros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlock.language import expanded
from interlock.language.exact import may_fail
from interlock.language.functions import FUNCTIONS as VALUES
from interlock.language.functions import joint, named
from interlock.language.names import meant, not_part, select
from interlock.language.operators import called, check_enum_member, field_of, members_of, type_list, type_sum, value_of
from interlock.language.refused import refused_function
from interlock.language.scope import (
    FUNCTIONS,
    MACROS,
    RESERVED,
    FactType,
    Filtered,
    Maybe,
    ObjectType,
    Thing,
    with_article,
)
from interlock.language.substitute import about_variable
from interlock.language.walk import macro_variables
from interlock.model.expression import (
    FALSE,
    NULL,
    Call,
    Choice,
    Compare,
    Constant,
    Count,
    Exists,
    Field,
    Fold,
    In,
    Local,
    Logic,
    Node,
    Not,
    Now,
    Param,
    Size,
    Type,
    VariableRef,
    type_of,
)

if TYPE_CHECKING:
    from interlock.language.scope import SelectionType
    from interlock.language.typecheck import Checker

OF_OPTIONAL = ("orValue", "or", "hasValue", "value", "optMap", "optFlatMap")
"""The methods of optional values."""
FOLDS = ("exists", "all", "exists_one", "existsOne", "map", "filter")
"""The macros over lists and maps."""
METHODS = {each.name for each in VALUES.values() if each.form == "method" and each.takes}
METHODS |= {*OF_OPTIONAL, "format", "timeSince"}
"""What may be called as a method; `format` and `timeSince` become something else."""
NAMESPACES = ("cel", "optional", "sets", "math", "lists", "strings", "regex", "base64")
"""Names before a function that name no values."""
BINDING = (*FOLDS, "bind", "optMap", "optFlatMap")
"""The methods whose first argument is a name, which the others may use."""


def type_method(checker: Checker, tree: Any) -> Thing:
    """`S.exists(x, c)` over the facts of a selection, and the methods of values: `text.startsWith("x")`."""
    base, word, arguments = tree.children[0], str(tree.children[1]), _arguments(tree.children[2])
    name, scope = str(base.children[0]) if base.data == "name" else "", checker.scope
    known = scope.selections.get(name)
    if known is not None and name not in scope.bound and known.shape != "single":
        return _of_facts(checker, tree, word, (name, known), arguments)
    if name in NAMESPACES and name not in (*scope.bound, *scope.variables, *scope.selections):
        return _namespaced(checker, tree, f"{name}.{word}", arguments)
    if word not in (*FOLDS, *METHODS):
        if refused_function(word) is None:
            checker.thing(base)
        raise not_part(checker, tree, word, {*MACROS, *METHODS})
    return _alike(checker, tree, word, base, arguments) or _of_thing(checker, tree, word, base, arguments)


def _alike(checker: Checker, tree: Any, word: str, base: Any, arguments: list[Any]) -> Node | None:
    """What is of a text or list that is written out, and becomes something else."""
    if word == "format":
        return expanded.formatted(checker, tree, base, arguments)
    if word in FOLDS and len(arguments) == 2 and arguments[0].data == "name" and members_of(base):
        return expanded.of_facts(checker, word, base, arguments, _variable(checker, arguments[0]))
    return None


def _of_thing(checker: Checker, tree: Any, word: str, base: Any, arguments: list[Any]) -> Thing:
    """A method of a value, of a fact, of what is filtered, or of an optional value."""
    thing = checker.thing(base)
    if isinstance(thing, Filtered):
        return _of_facts(checker, tree, word, thing, arguments)
    if isinstance(thing, FactType):
        raise checker.fault("E210", base, f"`{thing.name}` is one fact", f"compare it with null: {thing.name} != null")
    if isinstance(thing, Maybe) or (isinstance(thing, ObjectType) and thing.maybe):
        whole = field_of if word == "hasValue" else value_of
        node = thing.node if isinstance(thing, Maybe) else whole(thing)
        return _of_optional(checker, tree, word, node, arguments)
    if word in OF_OPTIONAL:
        raise checker.fault(
            "E421", tree, f"`{word}` is of an optional value", "write x.?f for a field, l[?0] for a member"
        )
    source = checker.value(base)
    if word == "timeSince" and not arguments:
        return type_sum(checker, tree, "-", Now(), source)
    if word in FOLDS:
        return _fold(checker, tree, word, source, arguments)
    return called(checker, tree, word, "method", (source, *checker.all_of(arguments, checker.value)))


_OF_FACTS = ("exists", "all", "exists_one", "existsOne", "filter", "size")


def _of_facts(
    checker: Checker, tree: Any, word: str, of: Filtered | tuple[str, SelectionType], arguments: list[Any]
) -> Thing:
    """A macro over the facts of a selection, or over those that a `filter` leaves."""
    selection, known = (of.selection, of.known) if isinstance(of, Filtered) else of
    if word == "size" and not arguments:
        return Size(selection) if not isinstance(of, Filtered) else Count(selection, of.variable, of.condition)
    if word not in _OF_FACTS:
        raise not_part(checker, tree, word, _OF_FACTS)
    if word == "size" or len(arguments) != 2 or arguments[0].data != "name":
        takes = "nothing" if word == "size" else "a variable and a condition"
        hint = f"{selection}.size()" if word == "size" else f"{selection}.{word}(x, x.f == …)"
        raise checker.fault("E306", tree, f"`{word}` takes {takes}", hint)
    scope, variable = checker.scope, _variable(checker, arguments[0], of_facts=True)
    kept = None if not isinstance(of, Filtered) else of.condition
    if variable in scope.bound or (kept is not None and variable in macro_variables(kept)):
        raise checker.fault("E307", arguments[0], f"`{variable}` is already defined", "rename the variable")
    with checker.within(scope.within(variable, known), (*checker.macros, variable)):
        condition = checker.condition(arguments[1])
    if not isinstance(of, Filtered):
        return _asked(word, selection, known, variable, None, condition)
    kept = about_variable(of.condition, VariableRef(of.variable), variable)
    asked = _asked(word, selection, known, variable, kept, condition)
    if isinstance(asked, Filtered) or not may_fail(kept):
        return asked
    whole = Compare(">=", Count(selection, variable, kept), Constant(0, Type("int", nullable=False)))
    return Choice(whole, asked, FALSE, FALSE.type)


def _asked(
    word: str, selection: str, known: SelectionType, variable: str, kept: Node | None, condition: Node
) -> Node | Filtered:
    """What is asked of the facts of a selection that are `kept`."""

    def and_kept(node: Node) -> Node:
        return node if kept is None else Logic("&&", (kept, node))

    match word:
        case "exists":
            return Exists(selection, variable, and_kept(condition))
        case "all":
            return Not(Exists(selection, variable, and_kept(Not(condition))))
        case "filter":
            return Filtered(selection, known, variable, and_kept(condition))
    one = Constant(1, Type("int", nullable=False))
    return Compare("==", Count(selection, variable, and_kept(condition)), one)


def _variable(checker: Checker, tree: Any, *, of_facts: bool = False) -> str:
    """The name of a macro's variable, which nothing in sight has; that of another macro over values may come again, and
    so may a name that only a policy has, such as `task`, for a value."""
    word, scope = str(tree.children[0]), checker.scope
    if word in RESERVED:
        raise checker.fault("E313", tree, f"`{word}` is a reserved word in CEL", "rename the variable")
    known = {*scope.variables, *scope.selections, "params", "variables"}
    if word in known or (of_facts and word in ("now", "task", "blocked")):
        raise checker.fault("E307", tree, f"`{word}` is already defined", "rename the variable")
    return word


def _optional(checker: Checker, tree: Any) -> Node:
    thing = checker.thing(tree)
    if isinstance(thing, Maybe):
        return thing.node
    raise checker.fault("E421", tree, "this is not an optional value", "use .optMap(v, x) for a value")


def _fold(checker: Checker, tree: Any, word: str, source: Node, arguments: list[Any]) -> Node:
    """A macro over the members of a list, or the keys of a map."""
    of = type_of(source)
    if of.kind not in ("list", "map"):
        hint = "name its fields one by one" if of.kind == "object" else None
        raise checker.fault(
            "E419", tree, f"`{word}` ranges over a list, a map or a selection, not this {of.kind}", hint
        )
    if len(arguments) == 3 and word != "map" and all(each.data == "name" for each in arguments[:2]):
        names = (_variable(checker, arguments[0]), _variable(checker, arguments[1]))
        return expanded.with_keys(checker, tree, word, source, names, arguments[2])
    counts = (2, 3) if word == "map" else (2,)
    if len(arguments) not in counts or arguments[0].data != "name":
        takes = "a variable and a value" if word == "map" else "a variable and a condition"
        raise checker.fault("E306", tree, f"`{word}` takes {takes}", f"list.{word}(x, …)")
    written = _variable(checker, arguments[0])
    variable = checker.scope.unused(written)
    member = (of.item if of.kind == "list" else of.key) or Type("null")
    inner = checker.scope.binding(written, Local(variable, member))
    nullable = of.nullable
    if len(arguments) == 3:
        with checker.within(inner):
            kept = checker.condition(arguments[1])
        source = Fold("filter", source, variable, kept, Type("list", (), nullable, member))
    with checker.within(inner):
        body = checker.value(arguments[-1]) if word == "map" else checker.condition(arguments[1])
    if word != "map":
        macro: Any = "exists_one" if word == "existsOne" else word
        given = Type("list", (), nullable, member) if word == "filter" else Type("bool", nullable=False)
        return Fold(macro, source, variable, body, given)
    if type_of(body).nullable:
        body = Call("value", (body,), type_of(body).certain())
    return Fold("map", source, variable, body, Type("list", (), nullable, type_of(body)))


def _of_optional(checker: Checker, tree: Any, word: str, node: Node, arguments: list[Any]) -> Thing:
    """The methods of an optional value."""
    if word == "hasValue" and not arguments:
        return Compare("!=", node, NULL)
    if word == "value" and not arguments:
        return Call("value", (node,), type_of(node).certain())
    if word == "orValue" and len(arguments) == 1:
        return _either(checker, tree, node, checker.value(arguments[0]), "or_value")
    if word == "or" and len(arguments) == 1:
        other = checker.thing(arguments[0])
        if isinstance(other, Maybe):
            return Maybe(_either(checker, tree, node, other.node, "or_other"))
        raise checker.fault("E421", arguments[0], "`or` takes another optional value", "use .orValue(…) for a value")
    if word in ("optMap", "optFlatMap") and len(arguments) == 2 and arguments[0].data == "name":
        variable = _variable(checker, arguments[0])
        with checker.within(checker.scope.binding(variable, node)):
            body = checker.value(arguments[1]) if word == "optMap" else _optional(checker, arguments[1])
        return Maybe(Choice(Compare("!=", node, NULL), body, NULL, type_of(body).opened(nullable=True)))
    hint = "there is .orValue(x), .hasValue(), .value(), .or(y), .optMap(v, x)"
    raise checker.fault("E421", tree, f"an optional value has no `{word}` of that form", hint)


def _either(checker: Checker, tree: Any, node: Node, other: Node, identity: str) -> Node:
    if type_of(node).kind == "object" and isinstance(other, Call) and other.function == "map" and not other.arguments:
        other = Call("map", (), type_of(node).certain())  # an object without fields, of those that there may be
    found = joint(type_of(node), type_of(other))
    if found is None:
        kinds = f"one is {with_article(type_of(node).kind)}, the other {with_article(type_of(other).kind)}"
        raise checker.fault("E416", tree, f"the values are of two types: {kinds}")
    nullable = type_of(other).nullable
    return Call(identity, (node, other), found.or_null() if nullable else found.certain())


def _namespaced(checker: Checker, tree: Any, word: str, arguments: list[Any]) -> Thing:
    """`cel.bind(x, e, c)`, `optional.of(e)`, `optional.none()`."""
    if word == "optional.none" and not arguments:
        return Maybe(NULL)
    if word == "optional.of" and len(arguments) == 1:
        node = checker.value(arguments[0])
        if type_of(node).kind == "null":
            raise checker.fault("E421", arguments[0], "a null is not a value here", "write optional.none()")
        return Maybe(node)
    if word == "optional.ofNonZeroValue" and len(arguments) == 1:
        return _non_zero(checker, arguments[0])
    if word == "cel.bind" and len(arguments) == 3 and arguments[0].data == "name":
        variable = _variable(checker, arguments[0])
        thing = checker.thing(arguments[1])
        with checker.within(checker.scope.binding(variable, thing)):
            return checker.thing(arguments[2])
    if named(word, "global"):
        return called(checker, tree, word, "global", tuple(checker.all_of(arguments, checker.value)))
    if word.partition(".")[0] not in ("cel", "optional"):
        raise not_part(checker, tree, word, FUNCTIONS)
    near = meant(word, FUNCTIONS) or "there is cel.bind(x, e, c), optional.of(e), optional.none()"
    raise checker.fault("E302", tree, f"`{word}` is not part of the language in this form", near)


_ZEROS: dict[str, Any] = {"string": "", "int": 0, "double": 0.0, "bool": False, "duration": 0}


def _non_zero(checker: Checker, tree: Any) -> Maybe:
    """The value, unless it is that of its type which says nothing: 0, false, an empty text, list or map."""
    node = checker.value(tree)
    of = type_of(node)
    if of.kind in ("list", "map"):
        asked = Compare(
            "!=", Call(f"size_{of.kind}", (node,), Type("int", nullable=of.nullable)), Constant(0, Type("int"))
        )
    elif of.kind in _ZEROS:
        asked = Compare("!=", node, Constant(_ZEROS[of.kind], Type(of.kind, nullable=False)))
    else:
        raise checker.fault("E419", tree, f"`optional.ofNonZeroValue` does not take {with_article(of.kind)}")
    return Maybe(Choice(asked, node, NULL, of.opened(nullable=True)))


def type_membership(checker: Checker, tree: Any) -> Node:
    """`x in ["a", "b"]`, `x in params.list`, and of other lists, maps and objects."""
    item_tree, list_tree = tree.children
    while list_tree.data == "group":
        list_tree = list_tree.children[0]
    item = checker.value(item_tree)
    written = members_of(list_tree)
    if written is not None:
        members = checker.all_of(written, checker.value)
        for place, node in zip(written, members, strict=True):
            checker.expect(place, type_of(node), type_of(item).kind)
            check_enum_member(checker, place, node, type_of(item))
        plain = type_of(item).kind not in ("double", "list", "map")
        if plain and all(isinstance(node, Constant) and node.value is not None for node in members):
            return In(item, tuple(members))
        return called(checker, tree, "in", "infix", (item, type_list(checker, list_tree, members)))
    listed = checker.thing(list_tree)
    if isinstance(listed, ObjectType):
        return _key_of_object(checker, tree, item, listed)
    if not isinstance(listed, FactType | Maybe | Filtered) and type_of(listed).kind == "object":
        return _key_of_object(checker, tree, item, listed)
    if isinstance(listed, FactType | Maybe | Filtered) or type_of(listed).kind not in ("list", "map"):
        raise checker.fault("E412", list_tree, "`in` expects a list or a map")
    if isinstance(listed, Param):
        checker.expect(item_tree, type_of(item), "string")
        return In(item, (), listed.name)
    return called(checker, tree, "in", "infix", (item, listed))


def _key_of_object(checker: Checker, tree: Any, item: Node, listed: ObjectType | Node) -> Node:
    """`"key" in x.object`: whether there is that field."""
    if not isinstance(item, Constant) or not isinstance(item.value, str):
        raise checker.fault("E412", tree, "the keys of an object are written out", '"key" in x.object')
    found = select(checker, tree, listed, item.value, maybe=False)
    node = field_of(found) if isinstance(found, ObjectType) else found
    if not isinstance(node, Field | Call):
        raise checker.fault("E412", tree, f"`{item.value}` is not a field that can be absent")
    return Compare("!=", node, NULL)


def type_call(checker: Checker, tree: Any) -> Thing:
    """`duration("3m")`, `has(x.f)`, `size(x)`, `int(x)`."""
    word, arguments = str(tree.children[0]), _arguments(tree.children[1])
    if word == "has":
        return _has(checker, tree, arguments)
    if word == "now" and not arguments:
        return Now()
    if word == "dyn" and len(arguments) == 1:
        return checker.thing(arguments[0])
    if not named(word, "global"):
        raise not_part(checker, tree, word, FUNCTIONS)
    selection = str(arguments[0].children[0]) if len(arguments) == 1 and arguments[0].data == "name" else ""
    known = checker.scope.selections.get(selection)
    if word == "size" and known is not None and known.shape != "single" and selection not in checker.scope.variables:
        return _of_facts(checker, tree, word, (selection, known), [])
    return called(checker, tree, word, "global", tuple(checker.all_of(arguments, checker.value)))


def _has(checker: Checker, tree: Any, arguments: list[Any]) -> Node:
    if len(arguments) != 1 or arguments[0].data not in ("select", "maybe_select"):
        raise checker.fault("E306", tree, "`has` takes a field: has(x.f)")
    thing = checker.thing(arguments[0])
    if isinstance(thing, FactType | Filtered):
        hint = f"compare it with null: {thing.name} != null" if isinstance(thing, FactType) else None
        raise checker.fault("E306", tree, "`has` takes a field: has(x.f)", hint)
    node = field_of(thing) if isinstance(thing, ObjectType) else thing.node if isinstance(thing, Maybe) else thing
    if isinstance(node, Call) and node.function in ("under", "maybe_under"):
        mapping, key = node.arguments
        return called(checker, tree, "in", "infix", (key, mapping))
    if not isinstance(node, Field | Call) and arguments[0].children[0].data != "name":
        raise checker.fault("E306", tree, "`has` takes a field: has(x.f)")
    return Compare("!=", node, NULL)


def _arguments(tree: Any) -> list[Any]:
    return list(tree.children) if tree is not None else []
