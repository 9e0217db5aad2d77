"""The renaming of a selection, parameter, derived fact or variable in a whole policy, or why it cannot be done."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from interlock import schemas
from interlock.analysis.editor.draft import Draft
from interlock.analysis.editor.navigate import uses
from interlock.analysis.editor.symbols import Occurrence, at_offset, occurrences
from interlock.diagnostics import Issue, UsageError
from interlock.language.scope import RESERVED as CEL_RESERVED
from interlock.policy.check.issues import RESERVED

Judge = Callable[[str], tuple[Issue, ...]]
"""The issues of a policy whose text is this one."""


class Edit(msgspec.Struct, frozen=True):
    """A text to be written in place of the characters from offset `start` to `end`."""

    start: int
    end: int
    text: str


def renamable(draft: Draft, offset: int) -> Occurrence | None:
    """The name at an offset that can be renamed; ids of rules are part of the policy's interface, and cannot."""
    found = at_offset(occurrences(draft), offset)
    return found if found is not None and found.symbol.kind != "rule" else None


def rename(draft: Draft, offset: int, name: str, judge: Judge) -> list[Edit]:
    """What to write to rename what is at an offset. Raises UsageError where that would break or change the policy."""
    found = renamable(draft, offset)
    if found is None:
        raise UsageError("only parameters, variables, selections, needs and derived facts can be renamed")
    symbol = found.symbol
    _refuse_name(name)
    if name == symbol.name:
        return []
    text = draft.document.source.text
    errors = [each for each in judge(text) if each.level == "error"]
    if errors:
        raise UsageError(f"the policy has errors, and what they hide would not be renamed: {errors[0].message}")
    _refuse_taken(draft, name)
    if symbol.kind == "parameter":
        _refuse_passed_on(draft, symbol.name, name)
    edits = [Edit(each.start, each.end, name) for each in uses(draft, offset)]
    broken = [each for each in judge(applied(text, edits)) if each.level == "error"]
    if broken:
        raise UsageError(f"`{symbol.name}` cannot be renamed to `{name}`: {broken[0].message}")
    return edits


def applied(text: str, edits: list[Edit]) -> str:
    """The text with edits that do not overlap."""
    for edit in sorted(edits, key=lambda each: -each.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _refuse_name(name: str) -> None:
    if not re.search(schemas.schema("policy")["definitions"]["name"]["pattern"], name) or name.endswith("\n"):
        raise UsageError(f"`{name}` is not a name: letters, digits and underscores, not starting with a digit")
    if name in (*RESERVED, *CEL_RESERVED):
        raise UsageError(f"`{name}` is a reserved word; choose another name")


def _refuse_taken(draft: Draft, name: str) -> None:
    """A name that is used for anything is refused: it could take the place of what it is used for."""
    if any(each.symbol.name == name and each.symbol.kind != "rule" for each in occurrences(draft)):
        raise UsageError(f"`{name}` is already a name in this policy; choose another")


def _refuse_passed_on(draft: Draft, *names: str) -> None:
    """Parameters are passed on to needed policies by their names: another name would pass on another value."""
    for need in draft.policy.needs if draft.policy is not None else ():
        policy = draft.needed(need.policy)
        for name in names:
            known = () if isinstance(policy, str) else [each.name for each in policy.parameters]
            if name in known and name not in need.given:
                raise UsageError(f"`{name}` is a parameter of `{need.policy}` too, which gets it by its name")
