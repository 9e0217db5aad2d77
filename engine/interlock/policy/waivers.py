"""A file of waivers: YAML → `Waivers`, or everything that is wrong with it, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from interlock import instant, schemas
from interlock.diagnostics import Issue, PolicyError, Source, UsageError, digest, meant_or_all
from interlock.evaluation.waivers import Waivable, Waiver, Waivers
from interlock.files import UnreadableError, read_source
from interlock.model.policy import Policy
from interlock.policy.parse import Document, parse_yaml
from interlock.schemas.wording import Path

PoliciesOfId = Callable[[str], Sequence[Waivable] | str]
"""The policies that have an id; where there is none, what to do about it."""
_NOUN = "list of waivers"
"""What the file is called in messages."""
_DAY = 86_400 * instant.SECOND


def read_waivers(path: str, known: PoliciesOfId, latest: int | None = None) -> Waivers:
    """The waivers in a file, none of which may end after the instant `latest`.

    Raises UsageError when it cannot be read, PolicyError with every issue of it.
    """
    try:
        source = read_source(path, _NOUN)
    except UnreadableError as error:
        raise UsageError(f"cannot read the waivers `{path}`: {error}") from None
    return waivers_of(source, known, latest)


def waivers_of(source: Source, known: PoliciesOfId, latest: int | None = None) -> Waivers:
    """The waivers in a text, none where it is empty. Raises PolicyError with every issue of it."""
    document, issues = parse_yaml(source, _NOUN, days=True)
    if document is None and [each.code for each in issues] == ["E003"]:
        return Waivers(source=source)
    if document is None:
        raise PolicyError(issues, (source,))
    reader = _Reader(document, known, latest)
    grants = tuple(reader.grants())
    if issues or reader.issues:
        raise PolicyError((*issues, *document.causes(reader.issues)), (source,))
    return Waivers(grants, reader.digests, tuple(reader.warnings), source)


class _Reader:
    """Makes the grants of a parsed file, and notes what is wrong."""

    def __init__(self, document: Document, known: PoliciesOfId, latest: int | None) -> None:
        self.document, self.known, self.latest = document, known, latest
        self.issues: list[Issue] = []
        self.warnings: list[Issue] = []
        self.digests: dict[tuple[str, str], str] = {}
        self.seen: dict[tuple[str, str, str], int] = {}

    def issue(self, code: str, path: Path, message: str, hint: str | None = None) -> None:
        self.issues.append(Issue(code, message, self.document.locate(path), hint))

    def grants(self) -> Iterator[Waiver]:
        """The grants of every waiver in which nothing is wrong."""
        violations = schemas.violations("waivers", self.document.data)
        self.issues += self.document.issues("E801", violations)
        faulty = {each.path[:1] for each in violations}
        if () in faulty:
            return
        for number, written in enumerate(self.document.data):
            if (number,) not in faulty:
                yield from self.grant(number, written)

    def grant(self, number: int, written: dict[str, Any]) -> Iterator[Waiver]:
        """A grant for each task of one waiver."""
        self.rule(number, written["policy"], written["rule"], written.get("digest"))
        until = self.until(number, written["expires"])
        if not any(map(str.isalpha, written["reason"])):
            hint = "say why it may be let pass"
            self.issue("E808", (number, "reason"), f"the reason `{written['reason']}` has no letter", hint)
        listed = isinstance(written["task"], list)
        for index, task in enumerate(written["task"] if listed else [written["task"]]):
            place = (number, "task", index) if listed else (number, "task")
            self.task(place, task, written)
            yield Waiver(
                written["policy"],
                written["rule"],
                task,
                written["reason"].strip(),
                until,
                written["by"].strip(),
                written.get("digest"),
                self.document.locate(place),
            )

    def rule(self, number: int, policy: str, rule: str, digest: str | None) -> None:
        """Note what cannot be waived because it is not there, and what names no digest."""
        policies = self.known(policy)
        if isinstance(policies, str):
            self.issue("E802", (number, "policy"), f"unknown policy `{policy}`", policies)
            return
        effects = {each.id: each.effect for one in policies for each in one.policy.rules}
        if rule not in effects:
            hint = meant_or_all(rule, effects)
            self.issue("E803", (number, "rule"), f"`{policy}` has no rule `{rule}`", hint)
        elif effects[rule] not in ("block", "warn"):
            label = "it derives facts" if effects[rule] == "derive" else "it is a note"
            self.issue("E803", (number, "rule"), f"the rule `{rule}` has nothing to waive: {label}", "remove it")
        else:
            self.pin(number, rule, digest, policies)

    def pin(self, number: int, rule: str, digest: str | None, policies: Sequence[Waivable]) -> None:
        """Note the rule's digest in each of the policies, and warn where the waiver names none."""
        digests = [(each.policy.digest, found) for each in policies if (found := each.digests.get(rule))]
        self.digests.update({(policy, rule): found for policy, found in digests})
        if digest is None:
            hint = f"add `digest: {digests[0][1]}`" if digests else None
            message = f"the waiver of `{rule}` names no digest: a rewritten rule inherits it"
            self.warnings.append(Issue("W801", message, self.document.locate((number, "rule")), hint, "warning"))

    def until(self, number: int, text: str) -> int:
        """The instant from which the waiver is void: a day counts to its end."""
        day = len(text) == len("2026-07-31")
        try:
            found = instant.read_instant(f"{text}T00:00:00Z" if day else text) + (_DAY if day else 0)
        except ValueError:
            hint = "write a day such as 2026-07-31, or an instant such as 2026-07-31T12:00:00Z"
            self.issue("E804", (number, "expires"), f"`{text}` is neither a day nor an instant", hint)
            return 0
        if self.latest is not None and found > self.latest:
            hint = "write an earlier end and renew it then, or allow it with `--allow-long-waivers`"
            self.issue("E807", (number, "expires"), f"`{text}` is more than a year away", hint)
        return found

    def task(self, path: Path, task: str, written: dict[str, Any]) -> None:
        """Note a task that stands for all, or that has the same waived already."""
        if task == "*":
            self.issue("E805", path, "nothing is waived for every task", "name the tasks that it is waived for")
        key = (written["policy"], written["rule"], task)
        if key in self.seen:
            line = self.document.locate((self.seen[key],)).line
            message = f"`{key[1]}` of `{key[0]}` is already waived for `{task}` on line {line}"
            self.issue("E806", path, message, "keep one of them")
        self.seen.setdefault(key, int(path[0]))


_APART = frozenset(
    {"policy", "version", "title", "question", "description", "rules", "decide", "outputs", "allow_empty"}
)
"""The keys of a policy that no rule can read."""


def waivable(policy: Policy, document: Document) -> Waivable:
    """The policy with the digests of its rules, of its text as it was parsed."""
    return Waivable(policy, rule_digests(document))


def rule_digests(document: Document) -> dict[str, str]:
    """The digest of each rule of a valid policy, by its id, as `sha256:…`.

    It covers the rule and whatever a rule can read: parameters, needs, facts and derived facts. It does not change with
    comments, layout, other rules, texts about the policy, or the version of interlock.
    """
    rules = document.data.get("rules", [])
    read = {key: value for key, value in document.data.items() if key not in _APART}
    derived = [rule for rule in rules if "derive" in rule]
    return {rule["id"]: _digest({"rule": rule, "derived": derived, "read": read}) for rule in rules}


def _digest(value: object) -> str:
    return digest(msgspec.json.encode(value, order="sorted").decode())
