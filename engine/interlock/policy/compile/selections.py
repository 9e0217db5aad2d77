"""Selections → SQL over the ledger's canonical relation.

What the text takes care of:

- It touches only rows that can match. A receipt kind is found through the index on (event_type, timestamp), heartbeats
  since a given moment through that on (task_id, timestamp); a `+` keeps SQLite from the other one.
- Times are stored as text, with and without fractions, so text order is right only down to the second: ranges are taken
  on the text of the second, and the exact instant decides inside them. Receipts with an unreadable time that sort up to
  a day away from such a range, or from the newest or oldest receipt, come out as suspects too (`times`).
- A row whose condition cannot be relied upon (a field it reads breaks the schema) is not passed over: it comes out as a
  suspect, ahead of the others, and the door refuses it. So does a row of which only a number is taken, or that another
  selection narrows, if its schema refuses it in any field: the door sees no other of those.
"""

from __future__ import annotations

from itertools import takewhile

from interlock import schemas
from interlock.instant import INTEGER_BOUND
from interlock.language.exact import is_exact, may_fail
from interlock.language.sql import Writer
from interlock.language.structures import is_structured
from interlock.language.walk import conjuncts, walk
from interlock.model.compiled import Query
from interlock.model.expression import FLIPPED, Compare, Field, Node, Type, VariableRef
from interlock.model.policy import PREVIOUS, Policy, Selection
from interlock.policy.compile.columns import INVALID, ROW, TIES, absent, column_of, plain_tests, schema_test, stored
from interlock.policy.compile.times import UNREADABLE, day_before, second_of, up_to_nth, within_day

_OF_RECEIPTS = ("summary", "correlation")
"""What an entity does not have, although the relation gives something for it."""
_BEATS = ("app_heartbeat", "dispatch_watch_heartbeat")
"""Kinds that are written all the time: since a given moment, one task has fewer receipts than there are of these."""
_AGGREGATES = ("count", "min", "max", "sum")
_SEEN = "(at < :floor OR coalesce(instant, 0) <= :now)"
"""What had arrived at the instant of the request; a second condition excludes texts later than its second."""
_SUM = f"iif(count(v) = 0, NULL, iif(total(abs(v)) < {INTEGER_BOUND}, CAST(total(v) AS INTEGER), 'too large'))"
"""The sum of numbers, of which SQLite's own would end the query beyond 64 bits. Floats are exact below the limit."""


class _Built:
    """One selection being written: the chain of selections that it narrows, and what is known about it.

    `taken` has the SQL of those that it narrows and that take one, by name, each after those that it narrows itself:
    SQLite's parser nests to a limited depth, so they are common table expressions. `absent` is whether the candidates
    include facts of absent named groups.
    """

    def __init__(self, policy: Policy, selection: Selection, catalog: schemas.Catalog) -> None:
        self.policy, self.selection, self.catalog = policy, selection, catalog
        self.parent = policy.selection(selection.parent)
        self.absent = self.parent is not None and bool(self.parent.absences)
        self.writer = Writer(self.column)
        self.taken: dict[str, str] = {}

    def column(self, path: str, kind: str) -> str:
        if self.selection.kinds[0] in schemas.ENTITIES and path.partition(".")[0] in _OF_RECEIPTS:
            return "NULL"
        return column_of(self.catalog, self.selection.kinds, path, kind)

    def spec(self, kind: str, path: str) -> schemas.FieldSpec:
        """What the field is in facts of `kind`. Where only another kind knows it, it is alike if it is there."""
        every = [self.catalog.fields(name) for name in (kind, *self.selection.kinds)]
        found = [fields[path] for fields in every if path in fields]
        if path in every[0]:
            return found[0]
        return schemas.FieldSpec(found[0].kind, lenient=found[0].lenient)

    def merged(self) -> tuple[Selection, list[Selection]]:
        """The selections whose conditions join into one `WHERE`: this one and the parents that take all."""
        own, *parents = self.policy.chain(self.selection)
        chain = [own, *takewhile(lambda each: each.take == "all", parents)]
        return chain[-1], chain

    def conditions(self) -> list[Node]:
        return [s.where for s in self.merged()[1] if s.where is not None]

    def where(self) -> str:
        """The conditions of the merged selections as one; `1` where there is none."""
        return " AND ".join(map(self.writer.write, self.conditions())) or "1"

    @property
    def there(self) -> str:
        """The condition that leaves out the facts of absent groups, where there may be any."""
        return " WHERE suspect >= 0" if self.absent else ""

    @property
    def may_fail(self) -> bool:
        """Whether the condition may have no value, and is NULL then."""
        return any(map(may_fail, self.conditions()))

    @property
    def reads_inside(self) -> bool:
        """Whether it reads what is inside a list, map or object of the candidate: SQL tests only the outer value."""
        nodes = (node for condition in self.conditions() for node in walk(condition) if isinstance(node, Field))
        return any(is_structured(node.type) and isinstance(node.of, VariableRef) for node in nodes)

    def read(self) -> list[str]:
        """The candidate's fields that decide whether and where a row is selected, none of them computed."""
        fields = [node for condition in self.conditions() for node in walk(condition) if isinstance(node, Field)]
        found = [field.path for field in fields if isinstance(field.of, VariableRef)]
        own = [self.selection.of] if self.selection.of else []
        own += ["receipt_id"] if self.selection.kinds[0] in ("wake_action", "smoke_seat") else []  # none if invalid
        return stored(self.catalog, self.selection.kinds, [*found, *self.selection.per, *own])


def query(policy: Policy, selection: Selection, paths: dict[str, Type], catalog: schemas.Catalog) -> Query:
    """The SQL of a selection; `paths` are the fields that anything reads of its facts."""
    built = _Built(policy, selection, catalog)
    sql = _statement(built, _take(built))
    members = ahead = None
    if selection.take in _AGGREGATES:
        members = _statement(built, f"SELECT {ROW} FROM ({_rows(built)}){built.there} ORDER BY seq DESC LIMIT :limit")
        ahead = _statement(built, f"SELECT {ROW} FROM ({_rows(built, ':ahead')})")
        if built.merged()[0].kinds[0] not in schemas.ENTITIES:
            ahead += " WHERE instant > :clock ORDER BY instant DESC LIMIT 1"
        else:
            ahead += built.there
    previous = {path: path[len(PREVIOUS) + 1 :] for path in paths if path.partition(".")[0] == PREVIOUS}
    if selection.previous is None:
        previous = {}
    types = {path: of for path, of in paths.items() if path not in previous}
    for path in (*previous.values(), *(selection.previous or ())):
        if path:
            types.setdefault(path, selection.fields[path])
    types |= {own: paths[path] for path, own in previous.items() if own and paths[path].key is not None}
    own: dict[str, str] = {path: of.kind for path, of in types.items()}
    shapes = {path: of for path, of in types.items() if is_structured(of)}
    computed = {path: source for path, source in catalog.latest_of(selection.kinds).items() if path in own}
    binds, conditions = built.writer.binds, tuple(built.writer.computed)
    return Query(selection.name, sql, binds, own, members, ahead, computed, previous, conditions, shapes)


def _statement(built: _Built, select: str) -> str:
    """The `SELECT`, after the common table expressions that it names."""
    named = ", ".join(f"{name} AS ({text})" for name, text in built.taken.items())
    return f"WITH {named} {select}" if named else select


def _take(built: _Built, limit: str = " LIMIT :limit") -> str:
    """What is taken of the rows. Without a `limit` where more is taken of it: nothing may be cut off before."""
    take, per, ordered = built.selection.take, built.selection.per, f" ORDER BY suspect DESC, instant, seq{limit}"
    if take == "all":
        return f"SELECT * FROM ({_rows(built)}){ordered}"
    order = "ASC" if take == "earliest" else "DESC"
    if take in ("latest", "earliest"):
        if not per:
            few = _few(built, order)
            return f"SELECT * FROM ({few}){ordered}" if built.selection.limit else few
        return f"{_once_per_group(built, order)}{ordered}"
    return _aggregate(built)


def _few(built: _Built, order: str) -> str:
    """The newest or oldest row, or up to the limit of them; none of an absent group, which has no time."""
    arms, most = _nearest(built) or _rows(built), built.selection.limit or 1
    return f"SELECT * FROM ({arms}){built.there} ORDER BY suspect DESC, instant {order}, seq {order} LIMIT {most}"


def _once_per_group(built: _Built, order: str) -> str:
    """The newest or oldest rows of every group, one or up to the limit; an absent one only where it has no other."""
    rows = _rows(built)
    groups = ", ".join(f"g{i}" for i in range(len(built.selection.per)))
    parts, ranks = f"suspect, {groups}", f"instant {order}, seq {order}"
    if built.selection.groups:
        rows = f"{rows} UNION ALL {absent(built.selection)}"
    if built.absent or built.selection.groups:
        parts, ranks = f"suspect > 0, {groups}", f"suspect DESC, {ranks}, {TIES}"
    ranked = f"row_number() OVER (PARTITION BY {parts} ORDER BY {ranks}) AS place"
    most = built.selection.limit or 1
    there = " AND (suspect >= 0 OR place = 1)" if most > 1 and (built.absent or built.selection.groups) else ""
    return f"SELECT * FROM (SELECT *, {ranked} FROM ({rows})) WHERE place {'=' if most == 1 else '<='} {most}{there}"


def _aggregate(built: _Built) -> str:
    """A number, once per group. SQLite takes the bare columns from the row of the single min() or max()."""
    take, per = built.selection.take, built.selection.per
    number = {"count": "count(*)", "sum": _SUM}.get(take, f"{take}(v)")
    seq = "max(seq) AS seq" if take in ("count", "sum") else "seq"
    groups = "".join(f", g{i}" for i in range(len(per)))
    row = ROW.replace("seq", seq)
    rows = _rows(built)
    return (
        f"SELECT {row}, suspect, {number} AS number{groups} FROM ({rows}) GROUP BY suspect > 0{groups} "
        f"ORDER BY suspect DESC{groups} LIMIT :limit"
    )


def _rows(built: _Built, since: str | None = None) -> str:
    """All rows that are selected before anything is taken, each with `suspect`, its groups and its number.

    With `since`, SQL for the text of a second, receipts of earlier seconds may be left out.
    """
    base, _ = built.merged()
    extras = _extras(built)
    outer = built.policy.selection(base.parent)
    if outer is not None:
        inner = _Built(built.policy, outer, built.catalog)
        inner.writer.binds, inner.taken = built.writer.binds, built.taken
        inner.writer.computed = built.writer.computed
        where = built.where()
        cases = " ".join(f"WHEN '{kind}' THEN {_suspect(built, kind)}" for kind in base.kinds)
        suspect = f"(suspect OR {INVALID} OR CASE kind {cases} END)"
        if outer.absences:
            there = f" AND ({where}) IS NOT NULL" if built.may_fail else ""
            suspect = f"iif(suspect < 0{there}, suspect, {suspect})"
        taken = f"taken_{built.policy.selections.index(outer)}"
        built.taken[taken] = _take(inner, limit="")
        return f"SELECT {ROW}, {suspect} AS suspect{extras} FROM {taken} WHERE {suspect} > 0 OR ({where})"
    later = f" AND at >= {since}" if since and base.kinds[0] not in schemas.ENTITIES else ""
    counted = f" OR {INVALID}" if built.selection.take in _AGGREGATES else ""
    arms = [f"{_suspect(built, k)}{counted} AS suspect{extras} {_from(built, k)}{later}" for k in base.kinds]
    return " UNION ALL ".join(f"SELECT {ROW}, {arm}" for arm in arms)


def _extras(built: _Built) -> str:
    selection = built.selection
    fields = built.selection.fields
    groups = "".join(f", {built.column(p, fields[p].kind)} AS g{i}" for i, p in enumerate(selection.per))
    if not selection.of:
        return groups
    return f", {built.column(selection.of, _kind_of(built, selection.of))} AS v{groups}"


def _kind_of(built: _Built, path: str) -> str:
    every = (built.catalog.fields(kind).get(path) for kind in built.selection.kinds)
    return next(spec.kind for spec in every if spec is not None)


def _suspect(built: _Built, kind: str, *, seek: bool = False) -> str:
    """SQL that is 1 where the row breaks its schema in a field that decides whether and where it is selected.

    With `seek`, only in what decides whether: where the newest or the oldest is selected by a condition that reads no
    time, the times of the rows that are passed over need not be examined. Where all are, each is examined anyway.
    """
    read, take = built.read(), built.selection.take
    timeless = take == "all" or (seek and take in ("latest", "earliest"))
    timeless = timeless and not built.selection.per and "at" not in read and kind not in schemas.ENTITIES
    timed = [] if timeless else ["instant IS NOT NULL"]
    checks = [
        *timed,
        *(text for path in read if (text := schema_test(built.spec(kind, path), path))),
        *plain_tests(read),
        *([f"NOT {INVALID}"] if built.reads_inside else ()),
        *([f"({built.where()}) IS NOT NULL"] if built.may_fail else ()),
    ]
    return f"(({' AND '.join(checks)}) IS NOT 1)" if checks else "0"


def _from(built: _Built, kind: str, near: str | None = None) -> str:
    """`FROM … WHERE …` for one kind: its scope, its time, and its condition or suspicion.

    `near` is SQL that gives the text of a time, `top`, and of its `second`; only rows of that second are then looked
    at, and those with an unreadable time that sort within a day of it.
    """
    base, _ = built.merged()
    chosen = _chosen(built, kind)
    if kind in schemas.ENTITIES:
        mine = "task_id = :task" if base.scope == "task" else "1"
        return f"FROM entity_{kind} WHERE {mine} AND {chosen}"
    lower = _lower(built)
    by_task = base.scope == "task" and lower is not None and kind in _BEATS
    found = f"{'+' if by_task else ''}kind = '{kind}'"
    mine = f" AND {'' if by_task else '+'}task_id = :task" if base.scope == "task" else ""
    source = f"({near}) CROSS JOIN receipt" if near else "receipt"
    if near and built.selection.limit:
        span = f"at < :upper AND {up_to_nth(after=built.selection.take == 'earliest')}"
    elif near:
        span = _near(kind, built.selection.take)
    else:
        since = f"at >= {day_before(lower)} AND (at >= {second_of(lower)} OR {UNREADABLE}) AND " if lower else ""
        span = f"{since}at < :upper"
    return f"FROM {source} WHERE {found}{mine} AND {span} AND {_SEEN} AND {chosen}"


def _near(kind: str, take: str) -> str:
    """The rows of the second of `top`, and the unreadable ones that may be beyond it (beats: see `_recorded_after`)."""
    if take == "earliest":
        return f"{within_day(after=True)} AND (substr(at, 1, 19) = second OR {UNREADABLE})"
    if kind in _BEATS:
        return "at >= second AND at <= top"
    return f"{within_day(after=False)} AND (at >= second OR {UNREADABLE})"


def _chosen(built: _Built, kind: str) -> str:
    """SQL that is 1 where the condition holds, or cannot be relied upon."""
    where, suspect = built.where(), _suspect(built, kind, seek=True)
    if built.may_fail:
        return f"(({where}) IS NOT 0 OR {suspect})"
    return "1" if where == "1" else where if suspect == "0" else f"({where} OR {suspect})"


def _nearest(built: _Built) -> str | None:
    """For `latest` and `earliest` of receipts: find the second by index, then take the instant inside that second."""
    base, _ = built.merged()
    if base.parent is not None or base.kinds[0] in schemas.ENTITIES:
        return None
    order = "DESC" if built.selection.take == "latest" else "ASC"
    arms = []
    if built.selection.limit:
        furthest = "min(at)" if order == "DESC" else "max(at)"
        for kind in base.kinds:
            few = f"SELECT at {_from(built, kind)} ORDER BY at {order} LIMIT {built.selection.limit}"
            top = f"SELECT {furthest} AS top, substr({furthest}, 1, 19) AS second FROM ({few})"
            arms.append(f"SELECT {ROW}, {_suspect(built, kind)} AS suspect {_from(built, kind, top)}")
        return " UNION ALL ".join(arms)
    for kind in base.kinds:
        top = f"SELECT at AS top, substr(at, 1, 19) AS second {_from(built, kind)} ORDER BY at {order} LIMIT 1"
        rows = f"SELECT {ROW}, {_suspect(built, kind)} AS suspect {_from(built, kind, top)}"
        best = f"SELECT * FROM ({rows} ORDER BY suspect DESC, instant {order}, seq {order} LIMIT 1)"
        arms.append(_recorded_after(built, kind, best) if kind in _BEATS and order == "DESC" else best)
    return " UNION ALL ".join(arms)


def _recorded_after(built: _Built, kind: str, best: str) -> str:
    """The newest beat, and one with an unreadable time that was recorded after it and may be newer.

    A day may hold hundreds of thousands of beats. So here the ledger orders what the time cannot: a beat that was
    recorded before the newest readable one is taken to be older.
    """
    base, _ = built.merged()
    mine = " AND +task_id = :task" if base.scope == "task" else ""
    newest = "SELECT at AS top, substr(at, 1, 19) AS second, seq AS place FROM best"
    later = f"+kind = '{kind}'{mine} AND seq > place AND {within_day(after=False)} AND {UNREADABLE}"
    return (
        f"SELECT * FROM (WITH best AS ({best}) SELECT * FROM best UNION ALL SELECT {ROW}, 1 AS suspect "
        f"FROM ({newest}) CROSS JOIN receipt WHERE {later} AND {_chosen(built, kind)})"
    )


def _lower(built: _Built) -> str | None:
    """The instant (SQL) before which no row can hold, where the condition says so."""
    for condition in built.conditions():
        for item in conjuncts(condition):
            bound = _bound(item)
            if bound is not None:
                return built.writer.value(bound)
    return None


def _bound(node: Node) -> Node | None:
    if not isinstance(node, Compare):
        return None
    op, left, right = node.op, node.left, node.right
    if _is_at(right):
        op, left, right = FLIPPED[op], right, left
    fixed = not any(isinstance(inner, Field) and isinstance(inner.of, VariableRef) for inner in walk(right))
    return right if _is_at(left) and op in (">", ">=") and fixed and is_exact(node) else None


def _is_at(node: Node) -> bool:
    return isinstance(node, Field) and isinstance(node.of, VariableRef) and node.path == "at"
