"""A server of the Language Server Protocol over `analysis.editor`: what an editor sends, and what it is shown.

Texts are sent whole at each change: policies are small, and what ends a line is read here alone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from interlock import __version__, codes
from interlock.analysis.editor.actions import Action
from interlock.analysis.editor.item import Item, ItemKind
from interlock.analysis.editor.lines import Encoding, Lines
from interlock.analysis.editor.outline import Part, PartKind
from interlock.analysis.editor.rename import Edit
from interlock.analysis.editor.workshop import Workshop
from interlock.diagnostics import Issue, UsageError

_PAUSE = 0.3
"""Seconds without a change after which the other open texts, which may need the changed one, are judged again."""
_FAILED = -32803
"""The protocol's code of a request that is right and cannot be granted."""
_TRIGGERS = (".", '"', "'", "{", "[", "(", ":", " ")
_KINDS: dict[ItemKind, types.CompletionItemKind] = {
    "key": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "field": types.CompletionItemKind.Field,
    "parameter": types.CompletionItemKind.Constant,
    "fact": types.CompletionItemKind.Struct,
    "variable": types.CompletionItemKind.Variable,
    "function": types.CompletionItemKind.Function,
    "operator": types.CompletionItemKind.Operator,
    "kind": types.CompletionItemKind.Class,
    "policy": types.CompletionItemKind.Module,
    "rule": types.CompletionItemKind.Event,
}
_PARTS: dict[PartKind, types.SymbolKind] = {
    "section": types.SymbolKind.Namespace,
    "name": types.SymbolKind.Variable,
    "rule": types.SymbolKind.Event,
    "state": types.SymbolKind.EnumMember,
    "case": types.SymbolKind.Method,
}


def serve(given: Mapping[str, Any]) -> None:
    """Serve an editor over standard input and output, until the input ends. `given` are flags by the settings' keys."""
    server(given).start_io()


def server(given: Mapping[str, Any]) -> LanguageServer:
    """The server, which nobody talks to yet."""
    made = LanguageServer("interlock", __version__, types.TextDocumentSyncKind.Full)
    for feature, answer, options in _features(_Desk(made, Workshop(given))):
        made.feature(feature, options)(partial(answer))  # it is marked, and a method cannot be
    return made


def _features(desk: _Desk) -> Iterator[tuple[str, Callable[..., Any], Any]]:
    """What the server does, by the protocol's names, and with what it says of it."""
    yield types.TEXT_DOCUMENT_DID_OPEN, desk.opened, None
    yield types.TEXT_DOCUMENT_DID_CHANGE, desk.changed, None
    yield types.TEXT_DOCUMENT_DID_SAVE, desk.saved, None
    yield types.TEXT_DOCUMENT_DID_CLOSE, desk.closed, None
    yield types.WORKSPACE_DID_CHANGE_WATCHED_FILES, desk.saved, None
    triggers = types.CompletionOptions(trigger_characters=list(_TRIGGERS))
    yield types.TEXT_DOCUMENT_COMPLETION, desk.completion, triggers
    yield types.TEXT_DOCUMENT_HOVER, desk.hover, None
    yield types.TEXT_DOCUMENT_DEFINITION, desk.definition, None
    yield types.TEXT_DOCUMENT_REFERENCES, desk.references, None
    yield types.TEXT_DOCUMENT_PREPARE_RENAME, desk.prepare_rename, None
    yield types.TEXT_DOCUMENT_RENAME, desk.rename, types.RenameOptions(prepare_provider=True)
    yield types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, desk.symbols, None
    fixes = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    yield types.TEXT_DOCUMENT_CODE_ACTION, desk.actions, fixes


class _Desk:
    """The answers to an editor's requests."""

    def __init__(self, server: LanguageServer, workshop: Workshop) -> None:
        self._server, self._workshop = server, workshop
        self._uris: dict[str, str] = {}
        self._versions: dict[str, int | None] = {}
        self._later: asyncio.TimerHandle | None = None

    # -- texts

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """A text is open."""
        document = params.text_document
        self._uris[_path(document.uri)] = document.uri
        self._put(document.uri, document.text, document.version)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        """A text was changed: the last of its changes is all of it."""
        if params.content_changes:
            self._put(params.text_document.uri, params.content_changes[-1].text, params.text_document.version)

    def saved(self, _: types.DidSaveTextDocumentParams | types.DidChangeWatchedFilesParams) -> None:
        """A file was written: whatever is open may depend on it."""
        self._workshop.refresh()
        self._publish(self._uris)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """A text is closed: its file counts again, and its issues are those of `interlock check`."""
        path = _path(params.text_document.uri)
        uri = self._uris.pop(path, params.text_document.uri)
        self._versions.pop(path, None)
        self._workshop.drop(path)
        self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        self._publish_later("")

    def _put(self, uri: str, text: str, version: int | None) -> None:
        path = _path(uri)
        self._versions[path] = version
        self._workshop.put(path, text)
        self._publish([path])
        self._publish_later(path)

    def _publish(self, paths: Iterable[str]) -> None:
        for path in list(paths):
            lines = self._lines(path)
            found = [_diagnostic(issue, lines) for issue in self._workshop.issues(path)]
            self._server.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(self._uris[path], found, self._versions.get(path))
            )

    def _publish_later(self, but: str) -> None:
        """Judge the other texts again, once nothing has changed for a moment."""
        if self._later is not None:
            self._later.cancel()
        others = [path for path in self._uris if path != but]
        self._later = asyncio.get_running_loop().call_later(_PAUSE, self._publish, others) if others else None

    # -- requests

    def completion(self, params: types.CompletionParams) -> types.CompletionList:
        """What may be written."""
        path, lines, offset = self._at(params)
        items = self._workshop.completions(path, offset) if path in self._uris else []
        return types.CompletionList(False, [_item(item, lines, offset) for item in items])

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        """What is said of a word."""
        path, lines, offset = self._at(params)
        found = self._workshop.hover(path, offset) if path in self._uris else None
        if found is None:
            return None
        return types.Hover(_markdown(found.text), _range(lines, found.start, found.end))

    def definition(self, params: types.DefinitionParams) -> types.Location | None:
        """Where a name is declared."""
        path, _, offset = self._at(params)
        found = self._workshop.definition(path, offset) if path in self._uris else None
        if found is None:
            return None
        lines = self._lines(found.path)
        return types.Location(self._uri(found.path), _range(lines, found.start, found.end))

    def references(self, params: types.ReferenceParams) -> list[types.Location]:
        """Where a name is used."""
        path, lines, offset = self._at(params)
        found = self._workshop.references(path, offset) if path in self._uris else []
        wanted = [each for each in found if params.context.include_declaration or not each.declares]
        return [types.Location(self._uri(path), _range(lines, each.start, each.end)) for each in wanted]

    def prepare_rename(self, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        """The name that would be renamed."""
        path, lines, offset = self._at(params)
        found = self._workshop.renamable(path, offset) if path in self._uris else None
        if found is None:
            return None
        return types.PrepareRenamePlaceholder(_range(lines, found.start, found.end), found.symbol.name)

    def rename(self, params: types.RenameParams) -> types.WorkspaceEdit:
        """The edits of a renaming. Raises JsonRpcException where it is refused, with the reason."""
        path, lines, offset = self._at(params)
        try:
            edits = self._workshop.rename(path, offset, params.new_name) if path in self._uris else []
        except UsageError as error:
            raise JsonRpcException(str(error), _FAILED) from None
        return types.WorkspaceEdit({self._uri(path): [_edit(each, lines) for each in edits]})

    def symbols(self, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        """The parts of a text."""
        path = _path(params.text_document.uri)
        lines = self._lines(path)
        return [_symbol(part, lines) for part in self._workshop.outline(path)] if path in self._uris else []

    def actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """What can be done about issues."""
        path = _path(params.text_document.uri)
        lines = self._lines(path)
        if path not in self._uris:
            return []
        start, end = (lines.offset((at.line, at.character)) for at in (params.range.start, params.range.end))
        return [self._action(each, path, lines) for each in self._workshop.actions(path, start, end)]

    def _action(self, action: Action, path: str, lines: Lines) -> types.CodeAction:
        edit = types.WorkspaceEdit({self._uri(path): [_edit(action.edit, lines)]})
        flagged = [_diagnostic(action.issue, lines)]
        return types.CodeAction(action.title, types.CodeActionKind.QuickFix, flagged, is_preferred=True, edit=edit)

    # -- places

    def _at(self, params: Any) -> tuple[str, Lines, int]:
        """The path of a request's text, its lines, and the offset of its position."""
        path = _path(params.text_document.uri)
        lines = self._lines(path)
        return path, lines, lines.offset((params.position.line, params.position.character))

    def _lines(self, path: str) -> Lines:
        chosen = self._server.server_capabilities.position_encoding
        found: str = getattr(chosen, "value", chosen) or "utf-16"
        encoding: Encoding = "utf-8" if found == "utf-8" else "utf-32" if found == "utf-32" else "utf-16"
        return Lines(self._workshop.text(path), encoding)

    def _uri(self, path: str) -> str:
        return self._uris.get(path) or Path(path).as_uri()


def _path(uri: str) -> str:
    """The path of a text's file, or, where it has none yet, what stands for it."""
    return os.path.abspath(uris.to_fs_path(uri) or os.path.basename(uri))


def _range(lines: Lines, start: int, end: int) -> types.Range:
    return types.Range(types.Position(*lines.position(start)), types.Position(*lines.position(end)))


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def _diagnostic(issue: Issue, lines: Lines) -> types.Diagnostic:
    """An issue, with what to do next, and a link to the page of its code."""
    known = issue.code in codes.every()
    severity = types.DiagnosticSeverity.Error if issue.level == "error" else types.DiagnosticSeverity.Warning
    return types.Diagnostic(
        range=_range(lines, *lines.span(issue.location)),
        message=f"{issue.message}\n{issue.hint}" if issue.hint else issue.message,
        severity=severity,
        code=issue.code or None,
        code_description=types.CodeDescription(Path(codes.place(issue.code)).as_uri()) if known else None,
        source="interlock",
    )


def _item(item: Item, lines: Lines, offset: int) -> types.CompletionItem:
    return types.CompletionItem(
        label=item.label,
        kind=_KINDS[item.kind],
        detail=item.detail or None,
        documentation=_markdown(item.about) if item.about else None,
        sort_text=f"{item.rank:04}{item.label}",
        filter_text=item.label.strip('"'),
        text_edit=types.TextEdit(_range(lines, offset - item.length, offset), item.text),
    )


def _edit(edit: Edit, lines: Lines) -> types.TextEdit:
    return types.TextEdit(_range(lines, edit.start, edit.end), edit.text)


def _symbol(part: Part, lines: Lines) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        name=part.name,
        kind=_PARTS[part.kind],
        range=_range(lines, part.start, part.end),
        selection_range=_range(lines, part.name_start, part.name_end),
        detail=part.detail or None,
        children=[_symbol(each, lines) for each in part.parts],
    )
