"""How a candidate's fields are written over the canonical relation, and when a row is too broken to be judged."""

from __future__ import annotations

from interlock import schemas
from interlock.instant import LIMIT

PLAIN = ("kind", "id", "seq", "task", "actor", "severity", "summary")
_HIDING = (*PLAIN, "at", "correlation", "attributes")
"""The envelope's names: an attribute that bears one is reached as `attributes.NAME`."""
ROW = "kind, id, seq, task, at, instant, actor, severity, summary, correlation, attributes"


def column(path: str, kind: str) -> str:
    """The SQL of a candidate's field."""
    if path in PLAIN:
        return path
    if path == "at":
        return "instant"
    if path == "attributes":
        return f"coalesce({', '.join(f'json_type(attributes, {_steps([name])})' for name in _HIDING)})"
    document, steps = _document(path)
    if kind == "object":
        return f"nullif(json_type({document}, {steps}), 'null')"
    extracted = f"json_extract({document}, {steps})"
    if kind == "timestamp":
        return f"instant_of({extracted})"
    return extracted


def lenient(path: str) -> str:
    """The SQL of a field that may hold anything and is read as text."""
    document, steps = _document(path)
    return f"iif(json_type({document}, {steps}) = 'text', json_extract({document}, {steps}), NULL)"


def _document(path: str) -> tuple[str, str]:
    """The document that holds a field, and the SQL text of the path to it."""
    document, names = _place(path)
    return document, _steps(names)


def _place(path: str) -> tuple[str, list[str]]:
    names = path.split(".")
    document = names.pop(0) if names[0] in ("correlation", "attributes") and len(names) > 1 else "attributes"
    return ("correlation", []) if path == "correlation" else (document, names)


def _steps(names: list[str]) -> str:
    return "'$" + "".join(f'."{name}"' for name in names) + "'"


def sane(spec: schemas.FieldSpec, path: str) -> str | None:
    """SQL that is 1 where the field is as its schema says, as far as a comparison could be misled; or None.

    SQLite cuts a text from JSON off where it holds the character NUL: a field with one is never sane. Nor is one whose
    name is there twice: SQLite reads the first, every other reader the last.
    """
    if path in PLAIN or path in ("at", "attributes"):
        return None
    document, steps = _document(path)
    found = f"json_type({document}, {steps})"
    once = _once(path)
    own = f"json_extract({document}, {steps}, {steps})"  # of two paths SQLite gives the JSON text, uncut
    whole = f"({_unescaped(document)} OR instr({own}, '\\u0000') = 0)"
    if spec.lenient:
        return f"({once} AND ({found} IS NOT 'text' OR {whole}))"
    shapes = {"string": "'text'", "timestamp": "'text'", "duration": "'text'", "int": "'integer'"}
    right = [f"{found} IN ({shapes.get(spec.kind, _REST.get(spec.kind, ''))})"]
    if spec.kind in ("string", "timestamp", "duration"):
        right.append(whole)
    if spec.enum:
        members = ", ".join("'" + value.replace("'", "''") + "'" for value in spec.enum)
        right.append(f"json_extract({document}, {steps}) IN ({members})")
    if spec.kind == "int":
        right.append(f"abs(json_extract({document}, {steps})) < {LIMIT}")
    if spec.kind == "timestamp":
        right.append(f"instant_of(json_extract({document}, {steps})) IS NOT NULL")
    valid = " AND ".join(right)
    return (
        f"({once} AND {valid})" if spec.required else f"({once} AND (coalesce({found}, 'null') = 'null' OR ({valid})))"
    )


def _once(path: str) -> str:
    """SQL that is 1 where each name of a path is there once at most, and in letters that SQLite recognizes.

    That a document nowhere holds a name for a second time is quickly seen; only of the others are the keys counted.
    """
    document, names = _place(path)
    checks = []
    for depth, name in enumerate(names):
        again = f"instr(substr({document}, instr({document}, '\"{name}\"') + 1), '\"{name}\"')"
        counted = f"(SELECT count(*) FROM json_each({document}, {_steps(names[:depth])}) WHERE key = '{name}')"
        seen = f"(json_type({document}, {_steps(names[: depth + 1])}) IS NOT NULL)"
        checks.append(f"(({_unescaped(document)} AND {again} = 0) OR {counted} = {seen})")
    return " AND ".join(checks) or "1"


def _unescaped(document: str) -> str:
    """SQL that is 1 where no character of a name, nor NUL, is written as an escape."""
    return f"instr({document}, '\\u00') = 0"


_REST = {"bool": "'true', 'false'", "object": "'object'", "list": "'array'"}
