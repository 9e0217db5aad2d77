"""YAML text → `Document`: plain data in which every key and value knows its place.

The YAML library is imported here and in `analysis/capture/yaml.py` alone. YAML is read so that it means the same to
every reader: no aliases (an alias can make a small file enormous), no duplicate keys, no tags, one document, and none
of the words that are booleans to YAML 1.1 and text to YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
import yaml

from interlock.diagnostics import Issue, Location, Source
from interlock.policy import not_yaml
from interlock.schemas.wording import Path, Violation

_COMMA = "in braces a comma ends a value: quote the whole value before it"
_OF_SCALARS = ("E008", "E009")
MAX_CHARACTERS = 256 * 1024
"""The greatest size of a policy, in characters."""
MAX_POLICY_DEPTH = 32
"""The deepest nesting of a policy."""

_AMBIGUOUS = (
    (r"(?i:y|n|yes|no|on|off)", "a boolean", "write true or false"),
    (r"~", "null", "write null"),
    (r"[-+]?0[0-9_]+", "an octal number", "write it without the zero"),
    (r"[-+]?0[xX][0-9a-fA-F_]+", "a hexadecimal number", "write it with the digits 0 to 9"),
    (r"[-+]?0[oO][0-7_]+", "an octal number", "write it with the digits 0 to 9"),
    (r"[-+]?0[bB][01_]+", "a binary number", "write it with the digits 0 to 9"),
    (r"[-+]?[0-9][0-9]*_[0-9_]*", "a number", "write the digits alone"),
    (r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", "a number to the base of 60", "write a whole number"),
    (r"\+[0-9]+", "a number", "write it without the sign"),
    (r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?", "a number", "write a whole number"),
    (r"[-+]?[0-9]+[eE][-+]?[0-9]+", "a number", "write the digits out"),
    (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "a number", "write a whole number"),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "a day", "write an instant such as 2026-06-11T12:00:05Z"),
)
"""Plain scalars that readers of YAML 1.1 and 1.2 differ on: a pattern, what it is to some, and what to write."""
_TOKENS: dict[type, not_yaml.TokenKind] = {
    yaml.ValueToken: "value",
    yaml.FlowMappingStartToken: "open",
    yaml.FlowSequenceStartToken: "open",
    yaml.FlowMappingEndToken: "close",
    yaml.FlowSequenceEndToken: "close",
}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(msgspec.Struct, frozen=True):
    """The place of a scalar: offsets of its text in the source, quotes included."""

    start: int
    end: int


class Document(msgspec.Struct, frozen=True):
    """A parsed file. `places` maps the path of every value to its place, `keys` that of every key to the key's.

    `refused` are the scalars that mean something else than text, or nothing: what more is said of them only follows.
    """

    source: Source
    data: Any
    places: dict[Path, Scalar]
    keys: dict[Path, Scalar]
    refused: tuple[Scalar, ...] = ()

    def locate(self, path: Path) -> Location:
        """The place of the value at `path`, or of the nearest thing around it that has one."""
        while path and path not in self.places:
            path = path[:-1]
        return self._location(self.places[path]) if path in self.places else self.source.location(0)

    def locate_key(self, path: Path) -> Location:
        """The place of the key that `path` ends with; where there is none, that of the value."""
        return self._location(self.keys[path]) if path in self.keys else self.locate(path)

    def locate_within(self, path: Path, start: int, end: int) -> Location:
        """The place of the characters `start` to `end` of the text at `path`, through quotes, folds and escapes."""
        place = self.within(path, start, end)
        return self.source.location(place.start, place.end)

    def within(self, path: Path, start: int, end: int) -> Scalar:
        """The offsets in the source of the characters `start` to `end` of the text at `path`."""
        place = self.places[path]
        raw = self.source.text[place.start : place.end]
        offsets = _aligned(raw, str(self.data_at(path)))
        first = place.start + offsets[min(start, len(offsets) - 1)]
        return Scalar(first, place.start + offsets[min(max(end - 1, start), len(offsets) - 1)] + 1)

    def comment_after(self, path: Path) -> int | None:
        """The offset of the `#` of a comment on the line on which the plain scalar at `path` ends, if there is one."""
        place, text = self.places[path], self.source.text
        if text[place.start : place.start + 1] in ("", '"', "'", "|", ">"):
            return None
        behind = re.compile(r"[ \t]+(?=#)").match(text, place.end)
        return behind.end() if behind else None

    def text_meant(self, path: Path) -> str | None:
        """The hint to quote what is a mapping, a list or a key without a value, where text may have been meant."""
        text, key = self.source.text, self.keys.get(path)
        value = self.places.get(path)
        if value is not None and text[value.start : value.start + 1] in ("{", "["):
            return not_yaml.quoted(not_yaml.written_value(text, value.start, nested=False))
        if key is None or value is None or value.start < value.end:
            return None
        return _COMMA if text[: key.start].rstrip().endswith(",") else None

    def cut_hint(self, path: Path) -> str | None:
        """The hint where a `#`, or a comma in braces, has cut the plain scalar at `path` short."""
        if self.comment_after(path) is not None:
            return "` #` begins a comment, which cuts the value short: quote the whole value"
        place = self.places[path]
        behind = min((key for key in self.keys if self.keys[key].start > place.end), key=self._starts, default=None)
        return self.text_meant(behind) if behind is not None and self.source.text[place.end] == "," else None

    def _starts(self, path: Path) -> int:
        return self.keys[path].start

    def causes(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """The issues that do not only follow from a scalar that is refused."""
        refused = [(self.source.location(each.start), self.source.location(each.end)) for each in self.refused]

        def follows(place: Location) -> bool:
            at = (place.line, place.column)
            return any((first.line, first.column) <= at < (last.line, last.column) for first, last in refused)

        return tuple(issue for issue in issues if issue.code in _OF_SCALARS or not follows(issue.location))

    def issues(self, code: str, violations: Iterable[Violation]) -> list[Issue]:
        """What a schema refuses, as issues: each at its value, or at the key where it is about that."""

        def place(each: Violation) -> Location:
            about_key = each.about == "key" and each.path in self.keys
            return self.locate_key(each.path) if about_key else self.locate(each.path)

        return [Issue(code, each.message, place(each), each.hint) for each in violations]

    def data_at(self, path: Path) -> Any:
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


def parse_yaml(
    source: Source, noun: str = "policy", *, days: bool = False
) -> tuple[Document | None, tuple[Issue, ...]]:
    """Read the YAML of a `noun`. Gives the document, or None with what is wrong; some issues leave one to check on.

    With `days`, a plain `2026-07-31` is a text.
    """
    if len(source.text) > MAX_CHARACTERS:
        message = f"the file has {len(source.text):,} characters; a {noun} has at most {MAX_CHARACTERS:,}"
        return None, (Issue("E001", message, source.location(0)),)
    reader = _Reader(source, days=days)
    try:
        node = reader.compose()
    except yaml.MarkedYAMLError as error:
        return None, (*reader.issues, _syntax(source, error))
    except yaml.reader.ReaderError as error:
        return None, (_character(source, _characters_before(source.text, error.position)),)
    if node is None:
        return None, tuple(reader.issues) or (Issue("E003", f"the file holds no {noun}", source.location(0)),)
    data = reader.value(node, ())
    return Document(source, data, reader.places, reader.keys, tuple(reader.refused)), tuple(reader.issues)


class _Reader:
    """Walks YAML's nodes into plain data, noting places and collecting issues."""

    def __init__(self, source: Source, *, days: bool) -> None:
        self.source = source
        self.days = days
        self.issues: list[Issue] = []
        self.places: dict[Path, Scalar] = {}
        self.keys: dict[Path, Scalar] = {}
        self.refused: list[Scalar] = []

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
        depth = documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                hint = "write the value out; where it is text, quote the whole value"
                self.issue("E004", "YAML anchors and aliases are not supported", event.start_mark, hint)
                return True
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                hint = "write each into a file of its own"
                self.issue("E010", "the file holds more than one YAML document", event.start_mark, hint)
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

    def value(self, node: Any, path: Path) -> Any:
        self.places[path] = Scalar(node.start_mark.index, node.end_mark.index)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node, path)

    def mapping(self, node: Any, path: Path) -> dict[str, Any]:
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

    def scalar(self, node: Any, path: Path) -> Any:
        text: str = node.value
        kind = node.tag.rpartition(":")[2]
        if not node.style and self.is_ambiguous(node, path):
            return text
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and _is_decimal(text):
            return int(text)
        if kind == "null":
            return None
        if kind in ("str", "int", "float", "timestamp", "value", "merge"):
            return text
        self.refused.append(self.places[path])
        hint = "remove the tag"
        if node.tag.startswith("!"):
            start = node.start_mark.index
            hint += (
                f", or {not_yaml.quoted(not_yaml.written_value(self.source.text, start, nested=self.nested(start)))}"
            )
        self.issue("E009", f"the YAML tag `{node.tag}` is not supported", node.start_mark, hint)
        return text

    def is_ambiguous(self, node: Any, path: Path) -> bool:
        """Whether readers of YAML differ on a plain scalar, which is reported."""
        found = ambiguous(node.value)
        if found is None or (self.days and found[0] == "a day"):
            return False
        what, write = found
        self.refused.append(self.places[path])
        message = f"`{node.value}` is {what} to some readers of YAML and text to others"
        place = self.source.location(node.start_mark.index, node.end_mark.index)
        self.issues.append(Issue("E008", message, place, f'{write}, or quote it: "{node.value}"'))
        return True

    def nested(self, start: int) -> bool:
        """Whether a value is in braces."""
        line = self.source.text[self.source.text.rfind("\n", 0, start) + 1 : start]
        return line.count("{") > line.count("}")


def ambiguous(text: str) -> tuple[str, str] | None:
    """What a plain scalar is to some readers of YAML, and what to write instead; None where all read the same."""
    return next(((what, write) for pattern, what, write in _AMBIGUOUS if re.fullmatch(pattern, text)), None)


def _is_decimal(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 20 and (digits == "0" or digits[0] != "0")


def _syntax(source: Source, error: yaml.MarkedYAMLError) -> Issue:
    marks = [mark.index for mark in (error.problem_mark, error.context_mark) if mark is not None] or [0]
    found = not_yaml.fault(source.text, _tokens(source.text), marks[0], marks[-1])
    return Issue("E002", found.message, source.location(found.start, found.end), found.hint)


def _tokens(text: str) -> list[not_yaml.Token]:
    """The tokens up to where the text is not YAML."""
    found = []
    try:
        for token in yaml.scan(text, Loader=_Loader):
            kind: not_yaml.TokenKind = "quoted" if getattr(token, "style", None) in ("'", '"') else "other"
            kind = _TOKENS.get(type(token), kind)
            found.append(not_yaml.Token(kind, token.start_mark.index, token.end_mark.index))
    except yaml.YAMLError:
        return found
    return found


def _characters_before(text: str, position: object) -> int:
    """The offset of the character at a position of the YAML library's, which counts bytes where it is written in C."""
    at = position if isinstance(position, int) else 0
    return len(text.encode()[:at].decode(errors="ignore")) if _Loader is not yaml.SafeLoader else at


def _character(source: Source, at: int) -> Issue:
    """A character that YAML does not allow anywhere."""
    message = f"the character U+{ord(source.text[at]):04X} is not allowed in YAML"
    hint = f'write it as an escape between double quotes: "\\x{ord(source.text[at]):02x}"'
    return Issue("E002", message, source.location(at), hint if ord(source.text[at]) < 256 else "remove it")


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
