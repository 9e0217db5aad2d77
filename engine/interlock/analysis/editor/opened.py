"""The texts that are open in an editor, and the policies and settings that hold for each.

What is open and not saved stands for its file, wherever that is read. Policies and settings come as they come to every
face: a `Request` for the folder of a file, and its `Session`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from interlock.analysis.editor.draft import Draft, drafted, text_of
from interlock.analysis.editor.tolerant import read
from interlock.analysis.testing.parse import tested_policy
from interlock.diagnostics import InterlockError, PolicyError, UsageError
from interlock.files import UnreadableError
from interlock.language.scope import SelectionType
from interlock.model.policy import Policy
from interlock.policy.library import Library
from interlock.policy.parse import Document
from interlock.request import Request, Session, request_of
from interlock.schemas import SHIPPED, Catalog
from interlock.settings import settle

_SETTINGS = ("policy-dir", "schema-dir", "waivers", "allow-long-waivers")
"""What an editor's answers depend on."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON may hold and no file."""


class OpenTexts:
    """Open texts by the absolute paths of their files. `given` are settings that were given as flags, by key."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.texts: dict[str, str] = {}
        self._given = given
        self._shipped = Session(Request(cached=False, texts=self.texts))
        self._sessions: dict[tuple[str, ...], Session] = {}
        self._drafts: dict[str, Draft | None] = {}
        self._known: dict[str, dict[str, SelectionType]] = {}
        self._policies: dict[str, Policy] = {}

    def put(self, path: str, text: str) -> None:
        """Have a text in place of what a file holds."""
        self.texts[path] = _SURROGATE.sub("\ufffd", text)
        self._drafts.clear()

    def drop(self, path: str) -> None:
        """Have what the file holds again."""
        self.texts.pop(path, None)
        self._drafts.clear()

    def refresh(self) -> None:
        """Read again what may have been written to files."""
        self._drafts.clear()

    def session(self, path: str) -> Session:
        """The session of the settings that hold in a file's folder. Raises UsageError where they are wrong."""
        folder = os.path.dirname(path)
        settled = settle(_SETTINGS, self._given, start=folder)
        request = request_of(settled, folder, cached=False, texts=self.texts)
        parts = (*request.policy_dirs, "", *request.schema_dirs, "", request.waivers or "")
        key = tuple(os.fspath(each) for each in parts)
        if key not in self._sessions:
            self._sessions[key] = Session(request)
        return self._sessions[key]

    def library(self, path: str) -> Library:
        """The policies that one in a file's folder may name; where its settings are wrong, those that ship."""
        try:
            return self.session(path).library
        except InterlockError:  # reported with the issues of the file
            return self._shipped.library

    def waivers(self, path: str) -> str | None:
        """The file of the waivers that hold in a file's folder."""
        try:
            found = self.session(path).request.waivers
        except InterlockError:
            return None
        return None if found is None else os.path.realpath(found)

    def text(self, path: str) -> str:
        """The text of a file; empty where it cannot be read."""
        try:
            return self.library(path).source(path, "policy").text
        except (UnreadableError, PolicyError):
            return ""

    def document(self, path: str) -> Document | None:
        """What can be read of a file."""
        text = self.text(path)
        return read(path, text) if text else None

    def draft(self, path: str) -> Draft | None:
        """The draft of a policy's file; None where it cannot be read."""
        if path not in self._drafts:
            document = self.document(path)
            self._drafts[path] = self.drafted(path, document) if document is not None else None
        return self._drafts[path]

    def drafted(self, path: str, document: Document) -> Draft:
        """The draft of a document in place of a policy's file."""
        library, known = self.library(path), self._known.setdefault(path, {})
        draft = drafted(document, lambda name: self._needed(path, name, library), self.catalog(path), dict(known))
        known.update(draft.facts())
        return draft

    def catalog(self, path: str) -> Catalog:
        """The kinds that a policy may name; where those of the project are wrong, those that ship."""
        try:
            return self.library(path).catalog_at(os.path.dirname(path))
        except InterlockError:  # reported with the issues of the policy
            return SHIPPED

    def policy(self, file: str | None) -> Policy | None:
        """What can be read of the policy in a file."""
        draft = self.draft(file) if file is not None else None
        return draft.policy if draft is not None else None

    def named(self, path: str, name: str | None) -> str | None:
        """The file of the policy of an id, as one at `path` means it; None where there is none."""
        library = self.library(path)
        try:
            file = library.path(name, os.path.dirname(path)) if name else None
        except UsageError:
            return None
        return os.path.abspath(file) if file is not None and library.has(file) else None

    def tested(self, path: str, document: Document) -> str | None:
        """The file of the policy that a test names; None where there is none."""
        library, named = self.library(path), text_of(document, ("policy",))
        try:
            file = tested_policy(named, path, library) if named else None
        except UsageError:
            return None
        return os.path.abspath(file) if file is not None and library.has(file) else None

    def _needed(self, path: str, name: str, library: Library) -> Policy | str:
        """The policy that another needs; one that is invalid at the moment as it was when it was valid."""
        try:
            file = library.path(name, os.path.dirname(path))
        except UsageError as error:
            return str(error)
        try:
            self._policies[file] = library.load(file).policy
        except (PolicyError, UsageError) as error:
            return self._policies.get(file, str(error))
        return self._policies[file]
