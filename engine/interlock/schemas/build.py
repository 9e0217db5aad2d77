"""The text of an own kind's schema → `OwnKind`, or everything that is wrong with it, each with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from interlock.diagnostics import Issue, PolicyError, Source, digest
from interlock.schemas.documents import envelope
from interlock.schemas.encodable import unwritable
from interlock.schemas.examine import ENVELOPE, RECORDERS, Examiner, SchemaFault, contradictions
from interlock.schemas.fields import types_of
from interlock.schemas.normal import Node, bounded, legible, normal
from interlock.schemas.validate import made_type
from interlock.schemas.wording import Path, listed
from interlock.schemas.words import SCHEMAS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_RESERVED = ("raw", "feed", "feed_end")
"""What the first key of a test's fact, or the `kind` of a line, means otherwise."""
_OPEN = ("correlation", "attributes")
"""The fields of the envelope of which a kind may say more."""
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
"""Keywords whose schemas are about the same value."""
_PLAIN = frozenset(["type", "properties", "required", "additionalProperties", "title", "description"])
"""What can be said of the data beside the envelope, as one schema."""


class OwnKind(msgspec.Struct, frozen=True):
    """A kind of a project's own. `source` is its schema's text, named by its file, `digest` the SHA-256 of that.

    `whole` is the schema of its facts, envelope included, without references, in which fields can be looked up; `data`
    that of their own data as the author wrote it, without references. Where `whole` says all of it, `data` is None.
    `types` are the types of CloudEvents that bring it, beside its own name.
    """

    name: str
    source: Source
    digest: str
    whole: dict[str, Any]
    data: dict[str, Any] | None
    types: tuple[str, ...]

    @property
    def frame(self) -> dict[str, Any]:
        """The schema of what every fact has, for a fact of this kind: its `data` says the rest."""
        every = envelope()["properties"]
        named = {name: node for name, node in self.whole["properties"].items() if name in every}
        required = [name for name in self.whole["required"] if name in every]
        return {"type": "object", "properties": {**named, "correlation": every["correlation"]}, "required": required}

    def part_of(self, fact: dict[str, Any]) -> dict[str, Any]:
        """The part of a fact that `data` is about."""
        own = self.data["properties"] if self.data is not None else {}
        return {name: each for name, each in fact.items() if name in own or name not in envelope()["properties"]}


def built(kind: str, source: Source) -> OwnKind:
    """The kind of that name, of the text of its schema. Raises PolicyError."""
    document = _document(source)
    examiner = Examiner(document)
    _name(examiner, kind)
    written = _without_envelope(document)
    resolved = examiner.resolved(written, ())
    if not isinstance(resolved, dict) or examiner.faults:
        raise _refused(source, examiner.faults)
    _top(examiner, kind, resolved)
    if not examiner.faults:
        for path, message in contradictions(resolved):
            examiner.fault("E905", path, message, "nothing meets the schema there: change one of the two")
    if examiner.faults:
        raise _refused(source, examiner.faults)
    return _made(kind, source, resolved)


def _document(source: Source) -> Node:
    """What the text says. Raises PolicyError."""
    from interlock.schemas import places

    try:
        document = json.loads(source.text, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        at, hint = places.broken(source, error)
        raise PolicyError((Issue("E901", "the text is not JSON from here on", at, hint),), (source,)) from None
    except _TwiceError as error:
        path = places.twice(source.text)
        at = source.location(0) if path is None else places.second_key(source, path)
        raise PolicyError((Issue("E901", f"`{error}` is given twice", at, "keep one of them"),), (source,)) from None
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PolicyError((Issue("E901", f"not JSON: {why}", source.location(0)),), (source,)) from None
    torn = next(iter(unwritable(document, "schema")), None)
    if torn is not None:
        raise PolicyError((Issue("E901", torn.message, source.location(0)),), (source,))
    if not isinstance(document, dict):
        hint = 'the least is `{"type": "object", "properties": {}}`'
        raise PolicyError((Issue("E902", "the schema is not a mapping", source.location(0), hint),), (source,))
    return document


class _TwiceError(ValueError):
    """A key that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for index, name in enumerate(names) if name in names[:index]))
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"`{text}` is not a number of JSON")


def _name(examiner: Examiner, kind: str) -> None:
    if kind in _RESERVED:
        examiner.fault("E903", (), f"`{kind}` is a reserved word", "give the kind, and so the file, another name")
    elif not _NAME.fullmatch(kind):
        hint = "letters, digits, `_`, `.` and `-`, a letter or `_` first"
        examiner.fault("E903", (), f"`{kind}` cannot be the name of a kind", hint)


def _without_envelope(document: Node) -> Node:
    """The document without its reference to the envelope, which is added anyway."""
    parts = document.get("allOf")
    if not isinstance(parts, list):
        return document
    rest = [{} if isinstance(each, dict) and _is_envelope(each.get("$ref")) else each for each in parts]
    return {**document, "allOf": rest}


def _is_envelope(reference: Any) -> bool:
    return isinstance(reference, str) and reference.endswith(ENVELOPE)


def _top(examiner: Examiner, kind: str, node: Node) -> None:
    """What must hold of the whole: it describes an object, and no field of its own is one of the envelope's."""
    apart = envelope()["properties"]
    if "type" in node and "object" not in types_of(node):
        examiner.fault("E902", ("type",), "the data of a receipt is an object", "write `object`")
    plain = normal(node)
    assert isinstance(plain, dict)
    for name in node.get("properties", {}):
        at, member = ("properties", name), plain["properties"][name]
        if name == "kind" and isinstance(member, dict) and member.get("const") == kind:
            continue
        if name in apart and name not in _OPEN:
            hint = f"of the data's own `{name}` state it inside `attributes`: that is where interlock keeps it"
            examiner.fault("E904", at, f"`{name}` is a field that every receipt has", hint, key=True)
        elif name in _OPEN and (not isinstance(member, dict) or types_of(member) != ["object"]):
            examiner.fault("E904", at, f"`{name}` is a mapping in every receipt", "give it `type: object`", key=True)
        elif name in envelope().get("x-computed", ()):
            hint = "rename it in the data"
            examiner.fault("E904", at, f"`{name}` is a field that interlock computes", hint, key=True)
    for path, named in _elsewhere(node, ()):
        if named in apart and named not in _OPEN:
            hint = "state it at the top, inside `attributes`: that is where interlock keeps the data's own"
            examiner.fault("E904", path, f"`{named}` is a field that every receipt has", hint, key=True)
    by = node.get("x-recorded-by", RECORDERS[0])
    role = plain.get("properties", {}).get("role")
    if by == "role" and not (isinstance(role, dict) and role.get("enum") and set(role["enum"]) <= set(RECORDERS)):
        hint = "give it one that is one of `worker` and `manager`, or name who records it"
        examiner.fault("E902", ("x-recorded-by",), "it has no field `role` that names who records it", hint)
    elif by != "role" and by not in RECORDERS:
        examiner.fault("E902", ("x-recorded-by",), f"`{by}` is not one of {listed((*RECORDERS, 'role'))}")
    types = node.get("x-cloudevents-type", "type")
    if not _are_types(types):
        examiner.fault("E902", ("x-cloudevents-type",), "the type of a CloudEvent is text, or a list of texts")


def _elsewhere(node: Node | bool, path: Path) -> Iterator[tuple[Path, str]]:
    """The fields that a schema names in what else it says of the whole, such as under `then`, each with its place."""
    for here, each in _parts(node, path):
        if isinstance(each, dict):
            yield from (((*here, "properties", name), name) for name in each.get("properties", ()))
            yield from (((*here, "required"), name) for name in each.get("required", ()))
        yield from _elsewhere(each, here)


def _parts(node: Node | bool, path: Path) -> Iterator[tuple[Path, Node | bool]]:
    """The schemas that a schema holds the same value to, each with its place."""
    for word in _IN_PLACE if isinstance(node, dict) else ():
        said = node.get(word)  # type: ignore[union-attr]
        if said is not None and SCHEMAS[word] == "schema":
            yield (*path, word), said
        elif said is not None:
            steps = said.items() if SCHEMAS[word] == "named" else enumerate(said)
            yield from (((*path, word, step), each) for step, each in steps)


def _are_types(types: Any) -> bool:
    texts = [types] if isinstance(types, str) else types
    return isinstance(texts, list) and bool(texts) and all(isinstance(each, str) and each for each in texts)


def _made(kind: str, source: Source, resolved: Node) -> OwnKind:
    own = bounded(normal(resolved))
    assert isinstance(own, dict)
    whole = _whole(kind, resolved, legible(own))
    types = resolved.get("x-cloudevents-type", [])
    listed_types = (types,) if isinstance(types, str) else tuple(types)
    plain = own == legible(own) and own.keys() <= _PLAIN and own.get("type") in ("object", None)
    data = None if plain and _is_translated(whole) else _data(own)
    return OwnKind(kind, source, digest(source.text), whole, data, listed_types)


def _data(says: Node) -> Node:
    """The schema of the data alone."""
    properties = {name: node for name, node in says.get("properties", {}).items() if name != "kind"}
    apart = envelope()["properties"].keys() - _OPEN
    required = [name for name in says.get("required", ()) if name not in apart]
    return {**says, "type": "object", "properties": properties, "required": required}


def _is_translated(whole: Node) -> bool:
    try:
        made_type(whole)
    except (TypeError, ValueError):
        return False
    return True


def _whole(kind: str, resolved: Node, own: Node) -> Node:
    """The schema of facts of the kind: what every fact has, and what its data has."""
    every = envelope()
    properties = {**every["properties"]}
    for name, member in own.get("properties", {}).items():
        if name != "kind":
            properties[name] = {
                "title": name.replace("_", " "),
                "description": "",
                **properties.get(name, {}),
                **member,
            }
    properties["kind"] = {**every["properties"]["kind"], "const": kind}
    found: Node = {
        "title": str(own.get("title", kind)),
        "description": str(own.get("description", f"A receipt of the kind {kind}.")),
        "type": "object",
        "x-recorded-by": resolved.get("x-recorded-by", "operator"),
        "x-computed": every["x-computed"],
        "required": _names([*every["required"], *own.get("required", ())]),
        "properties": properties,
    }
    return {**found, "additionalProperties": False} if own.get("additionalProperties") is False else found


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _refused(source: Source, faults: Iterable[SchemaFault]) -> PolicyError:
    from interlock.schemas.places import place_of

    issues = [Issue(f.code, f.message, place_of(source, f.path, key=f.key), f.hint) for f in faults]
    return PolicyError(tuple(dict.fromkeys(issues)), (source,))
