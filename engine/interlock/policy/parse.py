"""YAML text → `Document`: plain data in which every key and value knows its place.

The YAML library is imported here and in `analysis/capture/yaml.py` alone. YAML is read so that it means the same to
every reader: no aliases (an alias can make a small file enormous), no duplicate keys, no tags, one document, and none
of the words that are booleans to YAML 1.1 and text to YAML 1.2.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from interlock.diagnostics import Issue, Location, Source

MAX_CHARACTERS = 256 * 1024
"""The greatest size of a policy, in characters."""
MAX_POLICY_DEPTH = 32
"""The deepest nesting of a policy."""

_AMBIGUOUS = {"y", "n", "yes", "no", "on", "off"}
_Path = tuple[str | int, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(msgspec.Struct, frozen=True):
    """The place of a scalar: offsets of its text in the source, quotes included."""

    start: int
    end: int


class Document(msgspec.Struct, frozen=True):
    """A parsed file. `places` maps the path of every value to its place, `keys` that of every key to the key's."""

    source: Source
    data: Any
    places: dict[_Path, Scalar]
    keys: dict[_Path, Scalar]

    def locate(self, path: _Path) -> Location:
        """The place of the value at `path`, or of the nearest thing around it that has one."""
        while path and path not in self.places:
            path = path[:-1]
        return self._location(self.places[path]) if path in self.places else self.source.location(0)

    def locate_key(self, path: _Path) -> Location:
        """The place of the key that `path` ends with; where there is none, that of the value."""
        return self._location(self.keys[path]) if path in self.keys else self.locate(path)

    def locate_within(self, path: _Path, start: int, end: int) -> Location:
        """The place of the characters `start` to `end` of the text at `path`, through quotes, folds and escapes."""
        place = self.places[path]
        raw = self.source.text[place.start : place.end]
        offsets = _aligned(raw, str(self.data_at(path)))
        first = place.start + offsets[min(start, len(offsets) - 1)]
        last = place.start + offsets[min(max(end - 1, start), len(offsets) - 1)] + 1
        return self.source.location(first, last)

    def data_at(self, path: _Path) -> Any:
        """The value at `path`."""
        found = self.data
        for step in path:
            found = found[step]
        return found

    def _location(self, place: Scalar) -> Location:
        end = place.end
        first_line = self.source.text[place.start : end].split("\n", 1)[0].rstrip()
        return self.source.location(place.start, place.start + max(1, len(first_line)))


def parse_valid(source: Source) -> Document:
    """The text of a valid policy, parsed."""
    found, _ = parse_yaml(source)
    assert found is not None, "the source of a policy can be parsed"
    return found


def parse_yaml(source: Source, noun: str = "policy") -> tuple[Document | None, tuple[Issue, ...]]:
    """Read the YAML of a `noun`. Gives the document, or None with what is wrong; some issues leave one to check on."""
    if len(source.text) > MAX_CHARACTERS:
        message = f"the file has {len(source.text):,} characters; a {noun} has at most {MAX_CHARACTERS:,}"
        return None, (Issue("E001", message, source.location(0)),)
    reader = _Reader(source)
    try:
        node = reader.compose()
    except yaml.MarkedYAMLError as error:
        return None, (*reader.issues, _syntax(source, error))
    except yaml.reader.ReaderError as error:
        at = source.location(error.position if isinstance(error.position, int) else 0)
        return None, (Issue("E002", f"not YAML: {error.reason}", at),)
    if node is None:
        return None, tuple(reader.issues) or (Issue("E003", f"the file holds no {noun}", source.location(0)),)
    data = reader.value(node, ())
    return Document(source, data, reader.places, reader.keys), tuple(reader.issues)


class _Reader:
    """Walks YAML's nodes into plain data, noting places and collecting issues."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.issues: list[Issue] = []
        self.places: dict[_Path, Scalar] = {}
        self.keys: dict[_Path, Scalar] = {}

    def issue(self, code: str, message: str, mark: Any, hint: str | None = None) -> None:
        self.issues.append(Issue(code, message, self.source.location(mark.index), hint))

    def compose(self) -> Any:
        try:
            refused = self.refuses(self.source.text)
        except yaml.MarkedYAMLError as error:
            # The scanner runs ahead of its events, and some versions stop it at a depth of their own: what comes before
            # the place where it stopped may be too deep for us.
            mark = error.problem_mark or error.context_mark
            if mark is None or not self.refuses_start(mark.index):
                raise
            refused = True
        return None if refused else yaml.compose(self.source.text, Loader=_Loader)

    def refuses(self, text: str) -> bool:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                self.issue(
                    "E004", "YAML anchors and aliases are not supported", event.start_mark, "write the value out"
                )
                return True
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_POLICY_DEPTH:
                self.issue("E005", f"nested deeper than {MAX_POLICY_DEPTH} levels", event.start_mark)
                return True
        return False

    def refuses_start(self, end: int) -> bool:
        try:
            return self.refuses(self.source.text[:end])
        except yaml.MarkedYAMLError:
            return False

    def value(self, node: Any, path: _Path) -> Any:
        self.places[path] = Scalar(node.start_mark.index, node.end_mark.index)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: Any, path: _Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.issue("E006", "a key must be a word", key.start_mark)
                continue
            name = key.value
            if name in found:
                self.issue("E007", f"`{name}` is given twice", key.start_mark, "keep one of them")
                continue
            self.keys[(*path, name)] = Scalar(key.start_mark.index, key.end_mark.index)
            found[name] = self.value(item, (*path, name))
        return found

    def scalar(self, node: Any) -> Any:
        text: str = node.value
        if not node.style and text.lower() in _AMBIGUOUS:
            hint = f'write true or false, or quote it: "{text}"'
            self.issue(
                "E008", f"`{text}` is a boolean to some readers of YAML and text to others", node.start_mark, hint
            )
            return text
        kind = node.tag.rpartition(":")[2]
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and _is_decimal(text):
            return int(text)
        if kind == "null":
            return None
        if kind in ("str", "int", "float", "timestamp", "value", "merge"):
            return text
        self.issue("E009", f"the YAML tag `{node.tag}` is not supported", node.start_mark, "remove the tag")
        return text


def _is_decimal(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 20 and (digits == "0" or digits[0] != "0")


def _syntax(source: Source, error: yaml.MarkedYAMLError) -> Issue:
    mark = error.problem_mark or error.context_mark
    at = source.location(mark.index if mark else 0)
    return Issue("E002", f"not YAML: {error.problem or error.context}", at)


def _opening(raw: str) -> int:
    """How many characters come before the text itself: a quote, or the first line of a block."""
    if raw[:1] in ("|", ">"):
        return raw.find("\n") + 1
    return int(raw[:1] in ('"', "'"))


def _aligned(raw: str, text: str) -> list[int]:
    """For each character of `text`, the offset in `raw` that it was read from, as near as quoting allows."""
    offsets, at = [], _opening(raw)
    for char in text:
        found = raw.find(char, at) if not char.isspace() else at
        if char.isspace():
            while found < len(raw) and not raw[found].isspace():
                found += 1
        at = found if 0 <= found < len(raw) else min(at, len(raw) - 1)
        offsets.append(at)
        at += 1
        if char.isspace():
            while at < len(raw) and raw[at].isspace() and raw[at - 1] == "\n":
                at += 1
    return offsets or [0]
