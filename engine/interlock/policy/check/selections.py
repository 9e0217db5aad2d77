"""The checking of `facts`: each selection's source, condition, grouping, and the fields that it gives."""

from __future__ import annotations

from typing import Any

from interlock import schemas
from interlock.diagnostics import did_you_mean
from interlock.language.scope import ORDERED, with_article
from interlock.model.expression import Type
from interlock.model.policy import NO_ADVICE, PREVIOUS, Selection, Shape, Take
from interlock.policy.check.issues import Names, Report
from interlock.schemas.wording import Path

MAX_NARROWING = 32
"""The most selections that narrow one another: each is a subquery of the next one's SQL."""
_KINDS = "`interlock kinds` lists those that there are, and `interlock new-kind` writes the schema of one of your own"
_AGGREGATES = ("count", "min", "max", "sum")


def check_selection(report: Report, names: Names, name: str, written: dict[str, Any]) -> Selection | None:
    """One selection; None when so much is wrong that nothing can be said about what names it."""
    path = ("facts", name)
    kinds, parent, fields = _source(report, names, name, written.get("from"))
    if not kinds:
        return None
    take: Take = written.get("take", "all")
    per, groups = _per(report, (*path, "per"), written, fields)
    _check_take(report, path, written, take, per, fields)
    shape: Shape = "many" if take == "all" or "limit" in written else "map" if per else "single"
    previous = _previous(report, path, written, shape, fields)
    where = None
    if "where" in written:
        scope_of = names.for_where(name, fields, groups=parent is not None and bool(parent.absences))
        where = report.condition((*path, "where"), written["where"], scope_of)
    said, required, advice = written.get("required"), None, NO_ADVICE
    if isinstance(said, dict):
        required = report.message((*path, "required", "message"), said.get("message"), names.for_text())
        advice = report.advice((*path, "required"), said, names.for_text())
    else:
        required = report.message((*path, "required"), said, names.for_text())
    scope = written.get("scope", parent.scope if parent else "task")
    if parent and "scope" in written and scope != parent.scope:
        report.at("E103", (*path, "scope"), f"`{parent.name}` has the scope {parent.scope}", "leave scope out here")
    limit = _limit(report, path, written, take)
    of = written.get("of") if isinstance(written.get("of"), str) else None
    return Selection(
        name=name,
        kinds=kinds,
        shape=shape,
        fields=_given(take, per, of, fields, named=bool(groups)) | previous_fields(fields, previous),
        parent=parent.name if parent else None,
        scope=scope,
        where=where,
        take=take,
        of=of,
        per=per,
        groups=groups,
        absences=_absences(parent, take, per, groups),
        required=required,
        limit=limit,
        previous=previous,
        advice=advice,
    )


def _source(
    report: Report, names: Names, name: str, written: Any
) -> tuple[tuple[str, ...], Selection | None, dict[str, Type]]:
    """The fact kinds, the parent selection if it is one, and the fields of a candidate."""
    path = ("facts", name, "from")
    if isinstance(written, str) and written in names.selections:
        parent = names.selections[written]
        if parent.take in _AGGREGATES:
            report.at("E104", path, f"`{written}` is a number made of facts, and cannot be narrowed")
            return (), None, {}
        if _depth(names, parent) == MAX_NARROWING:
            message = f"more than {MAX_NARROWING} selections narrow one another"
            report.at("E114", path, message, "join the conditions of some of them with &&")
        return (
            parent.kinds,
            parent,
            {path: each for path, each in parent.fields.items() if not _is_previous(path, parent)},
        )
    if isinstance(written, str) and written in names.refused:
        return (), None, {}
    listed = [written] if isinstance(written, str) else written if isinstance(written, list) else []
    kinds = []
    for index, kind in enumerate(listed):
        where = (*path, index) if isinstance(written, list) else path
        if kind in names.catalog.kinds:
            kinds.append(kind)
        else:
            report.at("E101", where, f"unknown fact kind `{kind}`", _meant(str(kind), names))
    if len(kinds) < len(listed):
        return (), None, {}
    entities = [kind for kind in kinds if kind in schemas.ENTITIES]
    if len(kinds) > 1 and entities:
        where = (*path, kinds.index(entities[0]))
        message = f"`{entities[0]}` is an entity: several kinds in one selection are all receipts"
        report.at("E102", where, message, "select each entity by itself")
        return (), None, {}
    return tuple(kinds), None, candidate_fields(names.catalog, tuple(kinds))


def _depth(names: Names, selection: Selection | None) -> int:
    depth = 0
    while selection is not None:
        depth, selection = depth + 1, names.selections.get(selection.parent or "")
    return depth


def _meant(kind: str, names: Names) -> str | None:
    if kind in names.later:
        return names.later[kind]
    known = (*names.catalog.kinds, *names.selections)
    return did_you_mean(kind, known) or _KINDS


def candidate_fields(catalog: schemas.Catalog, kinds: tuple[str, ...]) -> dict[str, Type]:
    """The fields of facts of these kinds: one that not all of them have, or type alike, may be null or is left out."""
    found: dict[str, Type] = {}
    specs = [catalog.fields(kind) for kind in kinds]
    for path in {path: None for spec in specs for path in spec}:
        having = [spec[path] for spec in specs if path in spec]
        if len({spec.kind for spec in having}) > 1:
            continue
        enum = {value: None for spec in having for value in spec.enum} if all(spec.enum for spec in having) else {}
        always = len(having) == len(specs) and all(spec.required for spec in having)
        if len({spec.item for spec in having}) > 1:
            continue
        whole = _type(having[0])
        found[path] = Type(whole.kind, tuple(enum), not always, whole.item, whole.key)
    found["kind"] = Type("string", kinds, nullable=False)
    return found


def _type(spec: schemas.FieldSpec) -> Type:
    """The type that a field has where it is certain to be there."""
    item = _type(spec.item) if spec.item is not None else None
    key = Type("string", nullable=False) if spec.kind == "map" or spec.fields else None
    fields = tuple((name, _type(each) if each.required else _type(each).or_null()) for name, each in spec.fields)
    return Type(spec.kind, spec.enum, False, item, key, fields)


def _is_previous(path: str, selection: Selection) -> bool:
    return selection.previous is not None and path.partition(".")[0] == PREVIOUS


def previous_fields(fields: dict[str, Type], previous: tuple[str, ...] | None) -> dict[str, Type]:
    """What a fact has of the one before it: whether there is one, and its fields, all of which may be null."""
    if previous is None:
        return {}
    return {PREVIOUS: Type("object"), **{f"{PREVIOUS}.{p}": each.or_null() for p, each in fields.items()}}


def _previous(
    report: Report, path: Path, written: dict[str, Any], shape: Shape, fields: dict[str, Type]
) -> tuple[str, ...] | None:
    """The fields in which a fact and the one before it agree; None where no fact has one before it."""
    if PREVIOUS not in written:
        return None
    here = (*path, PREVIOUS)
    if shape != "many":
        report.at_key(
            "E116", here, "`previous` is for a selection of several facts", "take: all, or latest with `limit`"
        )
        return None
    if any(field.partition(".")[0] == PREVIOUS for field in fields):
        report.at_key("E116", here, "the facts have a field `previous` of their own", "derive the gap from that field")
        return None
    given = written[PREVIOUS]
    listed = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    if not all(
        _grouping(report, (*here, i) if isinstance(given, list) else here, f, fields) for i, f in enumerate(listed)
    ):
        return None
    return tuple(listed)


def _grouping(report: Report, where: Path, field: str, fields: dict[str, Type], *, named: bool = False) -> Type | None:
    """The type of a field that facts are grouped by."""
    found = fields.get(field)
    if found is None:
        report.at("E105", where, f"unknown field `{field}`", did_you_mean(field, fields))
        return None
    if found.kind not in ("string", "int", "bool") or (named and found.kind != "string"):
        report.at("E106", where, f"cannot group by `{field}`: it is {with_article(found.kind)}")
        return None
    return found


def _per(
    report: Report, path: Path, written: dict[str, Any], fields: dict[str, Type]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    per = written.get("per")
    groups: tuple[str, ...] = ()
    if isinstance(per, dict):
        groups = tuple(str(value) for values in per.values() for value in values)
    listed = [per] if isinstance(per, str) else list(per) if isinstance(per, list | dict) else []
    for index, field in enumerate(listed):
        where = (*path, index) if isinstance(per, list) else path
        found = _grouping(report, where, field, fields, named=bool(groups))
        if found is None:
            return (), ()
        for value in groups:
            if found.enum and value not in found.enum:
                hint = f"there is {', '.join(found.enum)}"
                report.at("E107", where, f"`{value}` is not a possible value of `{field}`", hint)
    return tuple(listed), groups


def _check_take(
    report: Report, path: Path, written: dict[str, Any], take: Take, per: tuple[str, ...], fields: dict[str, Type]
) -> None:
    """`per` requires a take of one; min, max and sum require `of`, and nothing else allows it."""
    if "per" in written and take == "all":
        hint = "take: latest, earliest or count, once for each group"
        report.at_key("E108", (*path, "per"), "`per` requires an aggregating `take`", hint)
    needs_of = take in ("min", "max", "sum")
    of = written.get("of")
    if needs_of and of is None:
        report.at("E109", (*path, "take"), f"`take: {take}` requires `of`", "name it with `of`")
    elif of is not None and not needs_of:
        report.at_key("E109", (*path, "of"), "`of` is for min, max and sum")
    elif isinstance(of, str):
        found = fields.get(of)
        kinds = ORDERED if take != "sum" else ("int", "duration")
        if found is None:
            report.at("E105", (*path, "of"), f"unknown field `{of}`", did_you_mean(of, fields))
        elif found.kind not in kinds:
            report.at(
                "E109",
                (*path, "of"),
                f"`{take}` does not apply to {with_article(found.kind)}",
                f"it takes {', '.join(kinds)}",
            )
    if take == "count" and per and "count" in per:
        report.at("E109", (*path, "per"), "a counted fact's own field is called `count`")


def _limit(report: Report, path: Path, written: dict[str, Any], take: Take) -> int | None:
    """How many facts the newest or oldest are, where more than one is taken."""
    if "limit" not in written:
        return None
    if take not in ("latest", "earliest"):
        hint = "take: latest or earliest, of which `limit` says how many"
        report.at_key("E115", (*path, "limit"), "`limit` is for latest and earliest", hint)
        return None
    limit = written["limit"]
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else None


def _absences(
    parent: Selection | None, take: Take, per: tuple[str, ...], groups: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The named groups for which there is a fact also where the ledger has none."""
    if take in _AGGREGATES or (take != "all" and not per):
        return ()
    narrowed = parent.absences if parent else ()
    return (*narrowed, *((per[0], group) for group in groups if (per[0], group) not in narrowed))


def _given(
    take: Take, per: tuple[str, ...], of: str | None, fields: dict[str, Type], *, named: bool
) -> dict[str, Type]:
    """The fields of the facts that the selection gives; that of an absent `named` group has its key alone."""
    if take not in _AGGREGATES and named:
        return {path: each if path in per else each.or_null() for path, each in fields.items()}
    if take not in _AGGREGATES:
        return fields
    grouped = {field: fields[field] for field in per if field in fields}
    if take == "count":
        return {**grouped, "count": Type("int", nullable=False)}
    value = fields.get(of or "", Type("int"))
    return {**grouped, "value": Type(value.kind)}
