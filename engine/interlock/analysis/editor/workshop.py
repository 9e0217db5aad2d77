"""The answers about each text that is open in an editor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.analysis.editor import complete, hover, navigate, outline, problems, rename
from interlock.analysis.editor.actions import Action, actions
from interlock.analysis.editor.draft import Draft, text_of
from interlock.analysis.editor.item import Item
from interlock.analysis.editor.lines import Lines
from interlock.analysis.editor.opened import OpenTexts
from interlock.analysis.editor.symbols import Occurrence
from interlock.analysis.editor.tolerant import marked, place_at
from interlock.diagnostics import Issue, UsageError


class Workshop(OpenTexts):
    """Open texts, and questions about them. Every path is that of an open text, every offset one in it."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given or {})

    def kind(self, path: str) -> problems.Kind | None:
        """What a text is; None where it is nothing of interlock's."""
        return problems.kind_of(self, path)

    def issues(self, path: str) -> tuple[Issue, ...]:
        """Everything that is wrong with a text, and with the settings that it is judged by."""
        return problems.issues(self, path)

    def completions(self, path: str, offset: int) -> list[Item]:
        """What may be written at an offset, each once."""
        kind = self.kind(path)
        found = None if kind in (None, "configuration") else marked(path, self.texts[path], offset)
        if found is None:
            return []
        caret = complete.Caret(*found)
        items: Iterable[Item]
        policies = self.library(path).ids()
        if kind == "policy":
            items = complete.in_policy(caret, self.drafted(path, caret.document), policies)
        elif kind == "test":
            tested = self.tested(path, caret.document)
            items = complete.in_test(caret, self.policy(tested), policies, self.catalog(tested or path))
        else:
            named = text_of(caret.document, (*caret.path[:1], "policy"))
            items = complete.in_waivers(caret, self.policy(self.named(path, named)), policies)
        return list({(item.label, item.kind): item for item in items}.values())

    def hover(self, path: str, offset: int) -> hover.Hover | None:
        """What is said of the word at an offset."""
        kind = self.kind(path)
        if kind == "policy":
            draft = self.draft(path)
            return hover.in_policy(draft, offset) if draft is not None else None
        document = self.document(path) if kind in ("test", "waivers") else None
        if document is None or kind is None:
            return None
        catalog = self.catalog(self.tested(path, document) or path)
        return hover.by_schema(document, kind, place_at(document, offset), catalog)

    def definition(self, path: str, offset: int) -> navigate.Target | None:
        """Where the name at an offset is declared."""
        kind = self.kind(path)
        if kind == "policy":
            draft = self.draft(path)
            return navigate.from_policy(draft, path, offset, self._find(path), self.draft) if draft else None
        document = self.document(path) if kind in ("test", "waivers") else None
        if document is None:
            return None
        if kind == "waivers":
            return navigate.from_waivers(document, offset, self._find(path), self.draft)
        return navigate.from_test(document, offset, self.tested(path, document), self.draft)

    def references(self, path: str, offset: int) -> list[Occurrence]:
        """Every occurrence of the name at an offset of a policy."""
        draft = self._policy_draft(path)
        return navigate.uses(draft, offset) if draft is not None else []

    def renamable(self, path: str, offset: int) -> Occurrence | None:
        """The name at an offset, if it can be renamed."""
        draft = self._policy_draft(path)
        return rename.renamable(draft, offset) if draft is not None else None

    def rename(self, path: str, offset: int, name: str) -> list[rename.Edit]:
        """The edits that rename what is at an offset. Raises UsageError where it cannot be renamed so."""
        draft = self._policy_draft(path)
        if draft is None:
            raise UsageError("only what a policy names can be renamed")
        return rename.rename(draft, offset, name, lambda text: self._judged(path, text))

    def actions(self, path: str, start: int, end: int) -> list[Action]:
        """What can be done about the issues between two offsets."""
        text, found = self.texts[path], list[Action]()
        for issue in self.issues(path):
            first, last = Lines(text).span(issue.location)
            if first <= end and start <= last:
                found += actions(text, issue)
        return found

    def outline(self, path: str) -> list[outline.Part]:
        """The parts of a policy or a test."""
        document = self.document(path) if self.kind(path) in ("policy", "test") else None
        return outline.outline(document) if document is not None else []

    def _find(self, path: str) -> navigate.Find:
        return lambda name: self.named(path, name)

    def _policy_draft(self, path: str) -> Draft | None:
        return self.draft(path) if self.kind(path) == "policy" else None

    def _judged(self, path: str, text: str) -> tuple[Issue, ...]:
        """The issues of an open text if it were this one."""
        before = self.texts[path]
        self.texts[path] = text
        try:
            return self.issues(path)
        finally:
            self.texts[path] = before
