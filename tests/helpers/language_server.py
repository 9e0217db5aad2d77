"""A YAML language server as an editor has it: an npm package of its own, spoken to over its standard streams."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Timer
from typing import Any

PATIENCE = 600.0
"""Seconds after which a server is ended, whether or not it answers."""
SETTINGS = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}

Message = dict[str, Any]


class LanguageServer:
    """An editor's end of the conversation: it opens documents, and receives the server's diagnostics."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.to, self.back = process.stdin, process.stdout
        self.numbers = count(1)

    def faults(self, path: Path, text: str) -> list[tuple[int, str]]:
        """Open a document: the line (from 0) and message of everything that is flagged in it."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        for message in self._heard():
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found = message["params"]["diagnostics"]
                return [(each["range"]["start"]["line"], each["message"]) for each in found]
        raise AssertionError(f"the server ended before it had read {path}")

    def offers(self, path: Path, line: int, column: int) -> dict[str, str]:
        """What is offered at a place of an open document, each with what is said about it."""
        place = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}
        found = self.ask("textDocument/completion", place)
        items = found["items"] if isinstance(found, dict) else found
        return {item["label"]: _text(item.get("documentation")) for item in items}

    def ask(self, method: str, params: Message) -> Any:
        """The server's answer to a request."""
        number = next(self.numbers)
        self._send({"id": number, "method": method, "params": params})
        for message in self._heard():
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
        raise AssertionError(f"the server ended before it had answered {method}")

    def tell(self, method: str, params: Message) -> None:
        """A notification, to which there is no answer."""
        self._send({"method": method, "params": params})

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.to.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.to.flush()

    def _heard(self) -> Iterator[Message]:
        """Every message of the server; what it asks of its editor is answered on the way."""
        while head := self.back.readline():
            while (line := self.back.readline()).strip():
                head += line
            length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"Content-Length"))
            message = json.loads(self.back.read(length))
            if "id" in message and "method" in message:
                items = message.get("params", {}).get("items", [])
                wanted = [SETTINGS if item.get("section") == "yaml" else None for item in items]
                self._send({"id": message["id"], "result": wanted or None})
            yield message


@contextmanager
def serving(command: Sequence[str], folder: Path) -> Iterator[LanguageServer]:
    """A server over the files of a folder; it is ended when it is no longer needed, or no longer answers."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watch = Timer(PATIENCE, process.kill)
    watch.start()
    try:
        with process:
            server = LanguageServer(process)
            known = {"workspace": {"configuration": True}, "textDocument": {"publishDiagnostics": {}}}
            root = {"uri": folder.as_uri(), "name": folder.name}
            server.ask(
                "initialize",
                {"processId": None, "rootUri": root["uri"], "capabilities": known, "workspaceFolders": [root]},
            )
            server.tell("initialized", {})
            yield server
            process.kill()
    finally:
        watch.cancel()
        process.kill()


def _text(documentation: Any) -> str:
    found = documentation.get("value", "") if isinstance(documentation, dict) else documentation
    return str(found or "")
