"""Facts that are only counted are as valid as those that are taken out: SQL gives the answer of their schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock import schemas
from interlock.analysis.testing.facts import complete_fact
from interlock.ledger import Snapshot, open_ledger
from interlock.ledger.rows import HIDING, Row, document
from interlock.policy.compile.columns import INVALID, ROW
from tests.helpers.ledgers import LedgerBuilder

AT = "2026-06-11T12:00:05Z"
BINDS = [name for name in ROW.split(", ") if name != "instant"]
SQL = f"SELECT {INVALID} FROM (SELECT {', '.join(f':{name} AS {name}' for name in BINDS)}, instant_of(:at) AS instant)"

instants = st.one_of(
    st.just(AT),
    st.from_regex(r"\A(19[67]|202|225)\d-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{0,10})?(Z|\+00:00|z|-08:00|)\Z"),
)
texts = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.sampled_from(["", "a\0b", AT]))
columns: dict[str, st.SearchStrategy[Any]] = {
    "id": st.one_of(texts, st.sampled_from([None, b"x", 5])),
    "seq": st.sampled_from([0, 1, -1, (1 << 53) - 1, 1 << 53]),
    "task": st.one_of(texts, st.sampled_from([None, b"demo", 5])),
    "at": st.one_of(instants, texts, st.sampled_from([None, AT.encode(), 5, f"{AT}\0"])),
    "actor": st.sampled_from(["manager", "worker", None, "", "nobody", b"worker", 5]),
    "severity": st.sampled_from(["info", "error", None, "grave", b"info"]),
    "summary": st.one_of(texts, st.sampled_from([None, b"x", 5, "x" * 3_000])),
}
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 1 << 54), st.sampled_from([2.0, 0.5, 1e300]), texts, instants),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
torn = st.sampled_from(
    ["", "not json", "[]", "5", "null", "{", '{"a":1,"a":1}', '{"a":"\\ud800"}', '{"a":1e999}', None]
)
torn |= st.sampled_from([b"{}", 5, "{}\0", "\ufeff{}", '{"\\u0061":1,"a":2}', '{"a":' + "[" * 600 + "]" * 600 + "}"])


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    path: Path = tmp_path_factory.mktemp("counted") / "l.db"
    with open_ledger(LedgerBuilder(path).task("demo").write()).snapshot(0) as snapshot:
        yield snapshot


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row of the canonical relation: a valid fact with one thing or two that are not as they were."""
    kind = draw(st.sampled_from(schemas.SHIPPED.kinds))
    given = {"id": "x", "seq": 1, "task": "demo", "at": AT, "actor": "worker", "severity": "info", "summary": ""}
    fact = complete_fact(kind, schemas.SHIPPED.schema(kind), given, lambda text: text)
    parts = {
        "attributes": {name: value for name, value in fact.items() if name not in HIDING},
        "correlation": fact.get("correlation", {}),
    }
    row: dict[str, Any] = given | {"kind": kind}
    if kind in schemas.ENTITIES:
        row |= {"actor": None, "severity": None}
    for _ in range(draw(st.integers(0, 2))):
        part = draw(st.sampled_from([*columns, *parts, *parts, *parts]))
        if part in columns:
            row[part] = draw(columns[part])
        else:
            name = draw(st.sampled_from([*parts[part], "summary", "other"]))
            parts[part][name] = draw(values)
            if draw(st.booleans()):
                del parts[part][name]
    written: dict[str, Any] = {name: json.dumps(part, ensure_ascii=draw(st.booleans())) for name, part in parts.items()}
    part = draw(st.sampled_from(["attributes", "correlation"]))
    change = draw(st.integers(0, 5))
    if change == 0:
        written[part] = draw(torn)
    elif change == 1:
        place = draw(st.integers(0, len(written[part])))
        written[part] = (
            written[part][:place] + draw(st.sampled_from(['"', "0", "}", "\\", " ", "é"])) + written[part][place:]
        )
    elif change == 2 and parts[part]:
        name = draw(st.sampled_from(sorted(parts[part])))
        written[part] = written[part].removesuffix("}") + f", {json.dumps(name)}: 1}}"
    return row | written


@given(rows())
def test_sql_and_the_schemas_agree_on_what_is_valid(snapshot: Snapshot, row: dict[str, Any]) -> None:
    whole: dict[str, Any] = {**row, "instant": None}
    made, errors = document(Row(**{name: whole[name] for name in ROW.split(", ")}))
    expected = bool(errors or schemas.fact_errors(schemas.SHIPPED, row["kind"], made))
    assert snapshot.rows(SQL, row) == [(expected,)]
