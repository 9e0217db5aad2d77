"""How a candidate's fields are written over the canonical relation, and when a row is too broken to be judged."""

from __future__ import annotations

from collections.abc import Iterable

from interlock import schemas
from interlock.instant import INTEGER_BOUND
from interlock.language.sql import literal
from interlock.model.policy import Selection

PLAIN = ("kind", "id", "seq", "task", "actor", "severity", "summary")
_HIDING = (*PLAIN, "at", "correlation", "attributes")
"""The envelope's names: an attribute with one of them is reached as `attributes.NAME`."""
ROW = "kind, id, seq, task, at, instant, actor, severity, summary, correlation, attributes"
_REST = {
    "double": "'integer', 'real'",
    "bool": "'true', 'false'",
    "object": "'object'",
    "map": "'object'",
    "list": "'array'",
}
ABSENT = -1
"""The `suspect` of the row of an absent named group, which no row of the ledger has: it cannot be mistaken for one."""
TIES = "kind, id, task, actor, severity, summary, correlation, attributes"
"""In what absent groups differ: they have no time to be ordered by."""
INVALID = (
    f"((typeof(id) = 'text' AND seq BETWEEN 0 AND {INTEGER_BOUND - 1} AND instant IS NOT NULL AND at < '2255'"
    " AND is_valid(kind, task, actor, severity, summary, correlation, attributes)) IS NOT 1)"
)
"""SQL that is 1 where the schema refuses the whole fact: for facts that are used without being taken out."""


def column_of(catalog: schemas.Catalog, kinds: tuple[str, ...], path: str, kind: str) -> str:
    """The SQL of a field of candidates of these kinds: computed, lenient or plain."""
    source = catalog.latest_of(kinds).get(path)
    if source is not None:
        return latest(source)
    specs = [catalog.fields(name).get(path) for name in kinds]
    return lenient(path) if any(spec and spec.lenient for spec in specs) else column(path, kind)


def stored(catalog: schemas.Catalog, kinds: tuple[str, ...], paths: Iterable[str]) -> list[str]:
    """The fields that facts hold, each once: those at the paths, or from which those are computed."""
    computed = catalog.latest_of(kinds)
    return list(dict.fromkeys(computed.get(path, path) for path in paths))


def column(path: str, kind: str) -> str:
    """The SQL of a candidate's field."""
    if path in PLAIN:
        return path
    if path == "at":
        return "instant"
    if path == "attributes":
        there = f"coalesce({', '.join(f'json_type(attributes, {_steps([name])})' for name in _HIDING)})"
        found = ", ".join(f"'{name}', json_extract(attributes, {_steps([name])})" for name in _HIDING)
        return there if kind == "object" else f"iif({there} IS NULL, NULL, json_object({found}))"
    document, steps = _document(path)
    if kind == "object":
        return f"nullif(json_type({document}, {steps}), 'null')"
    extracted = f"json_extract({document}, {steps})"
    if kind == "timestamp":
        return f"instant_of({extracted})"
    return extracted


def latest(path: str) -> str:
    """The SQL of the last instant that the timestamp at the path may mean."""
    text, first = ("at", "instant") if path == "at" else (column(path, "string"), column(path, "timestamp"))
    return f"({first} + iif(instr({text}, '.'), 0, 999999))"


def lenient(path: str) -> str:
    """The SQL of a field that may hold anything and is read as text."""
    document, steps = _document(path)
    return f"iif(json_type({document}, {steps}) = 'text', json_extract({document}, {steps}), NULL)"


def _document(path: str) -> tuple[str, str]:
    document, names = document_path(path)
    return document, _steps(names)


def document_path(path: str) -> tuple[str, list[str]]:
    """The document that holds a field, and the names that lead to it there."""
    names = path.split(".")
    document = names.pop(0) if names[0] in ("correlation", "attributes") and len(names) > 1 else "attributes"
    return ("correlation", []) if path == "correlation" else (document, names)


def _steps(names: list[str]) -> str:
    return "'$" + "".join(f'."{name}"' for name in names) + "'"


def schema_test(spec: schemas.FieldSpec, path: str) -> str | None:
    """SQL that is 1 where the field is as its schema says, where a comparison could be misled; or None."""
    if path in PLAIN or path in ("at", "attributes") or spec.lenient:
        return None
    document, steps = _document(path)
    found = f"json_type({document}, {steps})"
    shapes = {"string": "'text'", "timestamp": "'text'", "duration": "'text'", "int": "'integer'"}
    right = [f"{found} IN ({shapes.get(spec.kind, _REST.get(spec.kind, ''))})"]
    if spec.enum:
        members = ", ".join("'" + value.replace("'", "''") + "'" for value in spec.enum)
        right.append(f"json_extract({document}, {steps}) IN ({members})")
    if spec.kind == "int":
        right.append(f"abs(json_extract({document}, {steps})) < {INTEGER_BOUND}")
    if spec.kind == "timestamp":
        right.append(f"instant_of(json_extract({document}, {steps})) IS NOT NULL")
    valid = " AND ".join(right)
    return f"({valid})" if spec.required else f"(coalesce({found}, 'null') = 'null' OR ({valid}))"


def plain_tests(paths: list[str]) -> list[str]:
    """SQL, a text for each document, that is 1 where SQLite reads the fields as every other reader does.

    Of a duplicate name it reads the first value, others the last; a text that holds NUL it cuts off there.
    """
    named: dict[str, list[str]] = {}
    for path in paths:
        document, names = document_path(path)
        if path not in PLAIN and path not in ("at", "attributes") and names:
            named.setdefault(document, []).append(".".join(names))
    return [f"is_plain({document}, {', '.join(map(repr, found))})" for document, found in named.items()]


def absent(selection: Selection) -> str:
    """A row for each of the absent groups that the selection names: nulls, but for the group's own field."""
    listed = ", ".join(f"({literal(group)})" for group in selection.groups)
    return f"SELECT {_row(selection.per[0])}, {ABSENT}, column1 FROM (VALUES {listed})"


def _row(path: str) -> str:
    """The columns of a row in which only the field at the path is not null: it is `column1`."""
    if path in PLAIN:
        return ", ".join("column1" if name == path else "NULL" for name in ROW.split(", "))
    document, names = document_path(path)
    text = "column1"
    for name in reversed(names):
        text = f"json_object({literal(name)}, {text})"
    return ", ".join(text if name == document else "NULL" for name in ROW.split(", "))
