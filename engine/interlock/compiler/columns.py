"""How a candidate's fields are written over the canonical relation, and when a row is too broken to be judged."""

from __future__ import annotations

from interlock import schemas
from interlock.instant import LIMIT

PLAIN = ("kind", "id", "seq", "task", "actor", "severity", "summary")
ROW = "kind, id, seq, task, at, instant, actor, severity, summary, correlation, attributes"


def column(path: str, kind: str) -> str:
    """The SQL of a candidate's field."""
    if path in PLAIN:
        return path
    if path == "at":
        return "instant"
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
    names = path.split(".")
    document = names.pop(0) if names[0] in ("correlation", "attributes") and len(names) > 1 else "attributes"
    if path == "correlation":
        return "correlation", "'$'"
    return document, "'$" + "".join(f'."{name}"' for name in names) + "'"


def sane(spec: schemas.FieldSpec, path: str) -> str | None:
    """SQL that is 1 where the field is as its schema says, as far as a comparison could be misled; or None.

    SQLite cuts a text from JSON off where it holds the character NUL: a field with one is never sane.
    """
    if path in PLAIN or path == "at":
        return None
    document, steps = _document(path)
    found = f"json_type({document}, {steps})"
    own = f"json_extract({document}, {steps}, {steps})"  # of two paths SQLite gives the JSON text, uncut
    whole = f"(instr({document}, '\\u0000') = 0 OR instr({own}, '\\u0000') = 0)"
    if spec.lenient:
        return f"({found} IS NOT 'text' OR {whole})"
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
    return f"({valid})" if spec.required else f"(coalesce({found}, 'null') = 'null' OR ({valid}))"


_REST = {"bool": "'true', 'false'", "object": "'object'", "list": "'array'"}
