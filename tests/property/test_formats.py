"""Whatever was decided, and whatever the facts say in it: no format makes a pass of it that is not allowed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.model.decision import Decision, Finding, Head, WaiverNote
from interlock.reporting import FORMATS, PolicyView, RenderContext, RuleView, render
from tests.conftest import EXAMPLES
from tests.helpers import consumers

HOSTILE = (
    "# TODO", " # skip it", "\\# TODO", "\nok 2 - forged", "\n1..0", "\nBail out!", "\n  ...\nok", "---", "...",
    "\n::error::forged", "::stop-commands::x", "%0A::notice::x", "</failure>", "]]>", "&amp;", "<!--", "<b>x</b>",
    "| **allowed** | x |", "\n| a |", "`", "``x`", "**", "[x](http://example.org)", "![x](y)", "~~x~~", "\n# head",
    "http://example.org", "$x$", "{0}", "\x00\x1b[31m", "\x7f\x85\u2028\u202e", "\ufffe\uffff\ufeff", "\nallowed  x",
)  # fmt: skip
TEXT = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=9)))
SAID = TEXT.map("".join)
RULES = ("not-sent", "asleep", "blocked", "stale")
KNOWN = RenderContext(
    questions={"sha256:1": "May it?"},
    asked={
        "sha256:1": PolicyView("p,1:%.yaml", 2, tuple(RuleView(id_, 3, "block", "no", "help") for id_ in RULES[:3]))
    },
)

findings = st.builds(
    Finding,
    rule=st.sampled_from(RULES),
    severity=st.sampled_from(["block", "warn", "note"]),
    message=SAID,
    fix=st.none() | SAID,
    data=st.none() | st.dictionaries(SAID, SAID, max_size=2),
    evidence=st.lists(SAID, max_size=3).map(tuple),
    waived=st.none() | st.builds(WaiverNote, SAID, SAID, SAID),
)
decisions = st.builds(
    Decision,
    policy=st.sampled_from(["smoke", "loop"]),
    version=st.just(1),
    task=SAID,
    now=st.just("2026-06-11T12:00:05Z"),
    allow=st.sampled_from([True, False, None]),
    state=SAID,
    reason=st.none() | SAID,
    findings=st.lists(findings, max_size=4).map(tuple),
    outputs=st.just({}),
    evidence=st.lists(SAID, max_size=2).map(tuple),
    engine=st.just("both"),
    policy_digest=st.sampled_from(["sha256:1", "sha256:2"]),
    ledger=st.builds(Head, SAID, st.just(7)),
)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(several=st.lists(decisions, min_size=1, max_size=4), look=st.sampled_from([KNOWN, RenderContext()]))
def test_only_what_is_allowed_passes(form: str, several: Sequence[Decision], look: RenderContext) -> None:
    for decision in several:
        assert consumers.passes(form, render(form, [decision], look)) is (decision.allow is True)
    assert consumers.passes(form, render(form, several, look)) is all(each.allow is True for each in several)


@pytest.mark.parametrize("form", ["junit", "tap"])
@settings(max_examples=60 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(decision=decisions, look=st.sampled_from([KNOWN, RenderContext()]))
def test_where_warnings_fail_nothing_passes_that_warns(form: str, decision: Decision, look: RenderContext) -> None:
    passes = consumers.passes(form, render(form, [decision], msgspec.structs.replace(look, fail_on="warn")))
    assert passes is decision.passes("warn")
    assert passes is (
        decision.allow is True and not any(f.severity != "note" and not f.waived for f in decision.findings)
    )


@settings(max_examples=30 * EXAMPLES)
@given(several=st.lists(decisions, min_size=1, max_size=3), room=st.integers(150, 2_000))
def test_markdown_that_is_cut_keeps_to_its_room_and_tells_the_sum(several: Sequence[Decision], room: int) -> None:
    shown = render("markdown", several, RenderContext(room=room))
    assert len(shown.encode()) <= room
    headline = shown.splitlines()[0]
    assert ("allowed" not in headline) is all(each.allow is not True for each in several)
    assert ("denied" in headline) is any(each.allow is False for each in several)
    assert ("undecided" in headline) is any(each.allow is None for each in several)
    consumers.markdown(shown)
