"""An editor that speaks to `interlock lsp` over its standard streams, by the protocol's own client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

PATIENCE = 60.0
"""Seconds after which an answer is missing."""
CARET = "¦"
"""Where the caret is in a text of a test."""


class Editor:
    """The editor's end. Positions are offsets into the text that is open, in characters."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.client = LanguageClient("test-editor", "1")
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.flagged: dict[str, types.PublishDiagnosticsParams] = {}
        self.published = asyncio.Condition()
        self.shown: list[str] = []
        self.encoding = "utf-16"

        async def flag(params: types.PublishDiagnosticsParams) -> None:
            async with self.published:
                self.flagged[params.uri] = params
                self.published.notify_all()

        def show(params: types.ShowMessageParams) -> None:
            self.shown.append(params.message)

        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(flag)
        self.client.feature(types.WINDOW_SHOW_MESSAGE)(show)

    def run(self, awaitable: Any) -> Any:
        """The result of what is awaited, in the editor's own thread."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(awaitable, PATIENCE), self.loop).result()

    def start(self, folder: Path, command: Sequence[str], encodings: Sequence[str] | None) -> None:
        """Start the server in a folder."""
        self.run(self.client.start_io(*command, cwd=str(folder)))
        general = types.GeneralClientCapabilities(
            position_encodings=[types.PositionEncodingKind(each) for each in encodings] if encodings else None
        )
        params = types.InitializeParams(types.ClientCapabilities(general=general), root_uri=folder.as_uri())
        chosen = self.run(self.client.initialize_async(params)).capabilities.position_encoding
        self.encoding = str(getattr(chosen, "value", chosen or "utf-16"))
        self._tell("initialized", types.InitializedParams())

    def stop(self) -> None:
        """End the server."""
        self.run(self.client.shutdown_async(None))
        self._tell("exit", None)
        self.run(self.client.stop())  # type: ignore[no-untyped-call]

    # -- texts

    def open(self, path: Path, text: str) -> list[types.Diagnostic]:
        """Open a text, or change it; gives what is flagged in it then."""
        uri = path.as_uri()
        version = self.versions[uri] = self.versions.get(uri, 0) + 1
        known, self.texts[uri] = uri in self.texts, text
        if known:
            document = types.VersionedTextDocumentIdentifier(version, uri)
            change = types.TextDocumentContentChangeWholeDocument(text)
            self._tell("text_document_did_change", types.DidChangeTextDocumentParams(document, [change]))
        else:
            item = types.TextDocumentItem(uri, "yaml", version, text)
            self._tell("text_document_did_open", types.DidOpenTextDocumentParams(item))
        return self.until(path, lambda found: found.version == version)

    def save(self, path: Path) -> None:
        """Write what is open to its file."""
        path.write_text(self.texts[path.as_uri()], encoding="utf-8", newline="")
        self._tell("text_document_did_save", types.DidSaveTextDocumentParams(self._named(path)))

    def close(self, path: Path) -> None:
        """Close a text."""
        self.texts.pop(path.as_uri())
        self._tell("text_document_did_close", types.DidCloseTextDocumentParams(self._named(path)))

    def until(self, path: Path, holds: Any) -> list[types.Diagnostic]:
        """What is flagged in a text, once it holds of what was published last."""

        uri = path.as_uri()

        async def published() -> list[types.Diagnostic]:
            async with self.published:
                await self.published.wait_for(lambda: uri in self.flagged and holds(self.flagged[uri]))
                return list(self.flagged[uri].diagnostics)

        found: list[types.Diagnostic] = self.run(published())
        return found

    # -- questions

    def offered(self, path: Path, text: str) -> dict[str, types.CompletionItem]:
        """What is offered at the caret of a text, by label."""
        at = self.caret(path, text)
        found = self.run(self.client.text_document_completion_async(types.CompletionParams(self._named(path), at)))
        return {item.label: item for item in found.items}

    def hover(self, path: Path, text: str) -> str:
        """What is said at the caret of a text."""
        at = self.caret(path, text)
        found = self.run(self.client.text_document_hover_async(types.HoverParams(self._named(path), at)))
        return found.contents.value if found is not None else ""

    def caret(self, path: Path, text: str) -> types.Position:
        """Open a text without its caret; gives where that is."""
        at = text.index(CARET)
        self.open(path, text.replace(CARET, "", 1))
        return self.position(path, at)

    # -- places

    def position(self, path: Path, offset: int) -> types.Position:
        """The position of an offset, by the rules of the protocol."""
        before = self.texts[path.as_uri()][:offset].replace("\r\n", "\n")
        line = before.rpartition("\n")[2]
        width = len(line.encode(f"{self.encoding}{'-le' if self.encoding != 'utf-8' else ''}"))
        return types.Position(before.count("\n"), width // {"utf-8": 1, "utf-16": 2, "utf-32": 4}[self.encoding])

    def offset(self, path: Path, position: types.Position) -> int:
        """The offset of a position, which must be one of a whole character."""
        return next(at for at in range(len(self.texts[path.as_uri()]) + 1) if self.position(path, at) == position)

    def covered(self, path: Path, place: types.Range) -> str:
        """The characters of an open text that a range covers."""
        return self.texts[path.as_uri()][self.offset(path, place.start) : self.offset(path, place.end)]

    def edited(self, path: Path, edits: Sequence[types.TextEdit]) -> str:
        """An open text with edits made, which do not overlap."""
        text = self.texts[path.as_uri()]
        places = [(self.offset(path, each.range.start), self.offset(path, each.range.end)) for each in edits]
        for (start, end), edit in sorted(zip(places, edits, strict=True), key=lambda each: each[0], reverse=True):
            text = text[:start] + edit.new_text + text[end:]
        return text

    def _named(self, path: Path) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(path.as_uri())

    def _tell(self, name: str, params: Any) -> None:
        self.loop.call_soon_threadsafe(getattr(self.client, name), params)


@contextmanager
def editing(folder: Path, *options: str, encodings: Sequence[str] | None = None) -> Iterator[Editor]:
    """An editor over a folder, with a server of its own."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        editor = Editor(loop)
        editor.start(folder, [sys.executable, "-m", "interlock", "lsp", *options], encodings)
        try:
            yield editor
        finally:
            editor.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
