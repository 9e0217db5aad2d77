"""Regular expressions as `matches` takes them: RE2's syntax, matched in time linear in the text.

What RE2 reads is read as RE2 reads it, or refused by name. Python's own `re` reads `$`, `\\d` and `\\s` otherwise, and
may take exponential time. The moves of a state are in the order in which RE2 prefers them, which `find` goes by.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from interlock.language.automaton import WORD, Automaton, PatternError, Ranges

__all__ = ["PatternError", "compiled", "find", "find_all", "matches", "searchable"]

MAX_DEPTH = 50
"""The deepest nesting of groups."""
MAX_WORK = 4_000_000
"""The most states that are examined for one text, counted as the states of the pattern for each character."""
MAX_REPEAT = 1_000
"""The most times that a counted repetition repeats, as in RE2."""

_LAST = 0x10FFFF
_DIGIT: Ranges = ((48, 57),)
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
_CLASSES = {"d": _DIGIT, "s": _SPACE, "w": WORD}
_POSIX: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": _DIGIT,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_FOLDED = {"k": (0x212A,), "s": (0x17F,)}
"""What else is alike with an ASCII letter where case does not count."""
_PUNCTUATION = frozenset(map(chr, (*range(33, 48), *range(58, 65), *range(91, 97), *range(123, 127))))


def matches(text: str, pattern: str) -> bool:
    """Whether some part of the text matches. Raises PatternError for a bad pattern, and where the text is too long."""
    automaton = compiled(pattern)
    if len(text) * len(automaton.steps) > MAX_WORK:
        raise PatternError(f"the text of {len(text):,} characters is too long for the pattern")
    return automaton.found(text)


def find(text: str, pattern: str) -> str:
    """The part of the text that matches first, as RE2 prefers it; empty where none does. Raises PatternError."""
    found, _ = _searched(text, pattern).span(text, 0)
    return "" if found is None else text[slice(*found)]


def find_all(text: str, pattern: str, limit: int = -1) -> tuple[str, ...]:
    """The parts that match and do not overlap, at most `limit` of them; none of no characters right after another one.

    Raises PatternError.
    """
    automaton, parts, place, last, looked = _searched(text, pattern), list[str](), 0, -1, 0
    while place <= len(text) and len(parts) != limit:
        found, stopped = automaton.span(text, place)
        looked += stopped - place + 1
        if looked * len(automaton.steps) > MAX_WORK:
            raise PatternError(f"searching the text of {len(text):,} characters takes too long")
        if found is None:
            break
        start, end = found
        if end > place or start != last:
            parts.append(text[start:end])
        place, last = (end if end > place else place + 1), end
    return tuple(parts)


def searchable(pattern: str) -> Automaton:
    """The automaton of a pattern that can be searched for. Raises PatternError."""
    automaton = compiled(pattern)
    if automaton.empty_loops:
        raise PatternError("a part that may be of no characters is repeated: it is not searched for, only matched")
    return automaton


def _searched(text: str, pattern: str) -> Automaton:
    automaton = searchable(pattern)
    if (len(text) + 1) * len(automaton.steps) > MAX_WORK:
        raise PatternError(f"the text of {len(text):,} characters is too long for the pattern")
    return automaton


@lru_cache(256)
def compiled(pattern: str) -> Automaton:
    """The automaton of a pattern. Raises PatternError."""
    return _Parser(pattern).automaton()


_Piece = Callable[[int, int], None]
"""Builds a part of the automaton between two states."""


class _Parser:
    """Reads one pattern. `flags` are those that hold at the place."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.place, self.made = pattern, 0, Automaton()
        self.flags: frozenset[str] = frozenset()
        self.depth = 0

    def automaton(self) -> Automaton:
        piece = self.alternatives()
        if self.place < len(self.pattern):
            raise PatternError("a `)` has no `(`")
        start, end = self.made.state(), self.made.state()
        piece(start, end)
        return self.made

    def peek(self, text: str) -> bool:
        return self.pattern.startswith(text, self.place)

    def take(self, text: str) -> bool:
        found = self.peek(text)
        self.place += len(text) if found else 0
        return found

    def next(self) -> str:
        if self.place == len(self.pattern):
            raise PatternError("it ends too early")
        self.place += 1
        return self.pattern[self.place - 1]

    def alternatives(self) -> _Piece:
        flags, self.depth = self.flags, self.depth + 1
        if self.depth > MAX_DEPTH:
            raise PatternError(f"its groups are nested deeper than {MAX_DEPTH} levels")
        found = [self.sequence()]
        while self.take("|"):
            found.append(self.sequence())
        self.flags, self.depth = flags, self.depth - 1

        def build(start: int, end: int) -> None:
            for piece in found:
                piece(start, end)

        return found[0] if len(found) == 1 else build

    def sequence(self) -> _Piece:
        pieces: list[_Piece] = []
        while self.place < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            piece = self.atom()
            if piece is not None:
                pieces.append(self.repeated(piece))

        def build(start: int, end: int) -> None:
            here = start
            for piece in pieces:
                there = self.made.state()
                piece(here, there)
                here = there
            self.made.free[here].append(("", end))

        return build

    def repeated(self, piece: _Piece) -> _Piece:
        bounds = self.bounds()
        if bounds is None:
            return piece
        lazy = self.take("?") is not ("U" in self.flags)
        if self.bounds() is not None:
            raise PatternError("a repetition is repeated: put it into parentheses")
        return self.times(piece, *bounds, lazy=lazy)

    def bounds(self) -> tuple[int, int | None] | None:
        for sign, found in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return found
        end = self.pattern.find("}", self.place)
        inner = self.pattern[self.place + 1 : end].split(",") if self.peek("{") and end > 0 else []
        if (
            not 1 <= len(inner) <= 2
            or not _number(inner[0])
            or (len(inner) == 2 and inner[1] and not _number(inner[1]))
        ):
            return None  # as in RE2, a `{` that counts nothing is itself
        self.place = end + 1
        least = int(inner[0][:5])
        most = least if len(inner) == 1 else int(inner[1][:5]) if inner[1] else None
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise PatternError(f"`{{{','.join(inner)}}}` does not repeat from 0 up to {MAX_REPEAT:,} times")
        return least, most

    def times(self, piece: _Piece, least: int, most: int | None, *, lazy: bool) -> _Piece:
        free, state = self.made.free, self.made.state

        def build(start: int, end: int) -> None:
            here = start
            for _ in range(least):
                there = state()
                piece(here, there)
                here = there
            if most is None:
                loop, after = state(), state()
                free[here].append(("", loop))
                free[loop] += [("", end)] if lazy else []
                piece(loop, after)
                self.made.note_loop(loop, after)
                free[after].append(("", loop))
                free[loop] += [] if lazy else [("", end)]
                return
            ahead = []
            for _ in range(most - least):
                ahead.append(here)
                free[here] += [("", end)] if lazy else []
                there = state()
                piece(here, there)
                if most > 1 and not ahead[1:]:
                    self.made.note_loop(here, there)
                here = there
            for each in () if lazy else ahead:
                free[each].append(("", end))
            free[here].append(("", end))

        return build

    def atom(self) -> _Piece | None:
        char = self.next()
        match char:
            case "(":
                return self.group()
            case "[":
                return self.one_of(self.bracket())
            case ".":
                return self.one_of(((0, _LAST),) if "s" in self.flags else ((0, 9), (11, _LAST)))
            case "^":
                return self.assertion("line start" if "m" in self.flags else "start")
            case "$":
                return self.assertion("line end" if "m" in self.flags else "end")
            case "*" | "+" | "?":
                raise PatternError(f"`{char}` repeats nothing")
            case "{":
                self.place -= 1
                if self.bounds() is not None:
                    raise PatternError("`{` repeats nothing")
                self.place += 1
            case "\\":
                return self.escape()
        return self.literal(ord(char))

    def group(self) -> _Piece | None:
        flags = self.flags
        if self.take("?P<") or self.take("?<"):
            name, _, _ = self.pattern[self.place :].partition(">")
            if not name.isidentifier() or not name.isascii() or not self.peek(f"{name}>"):
                raise PatternError("looking behind is not part of RE2" if name[:1] in "=!" else "a group has no name")
            self.place += len(name) + 1
        elif self.take("?"):
            end = next((i for i in range(self.place, len(self.pattern)) if self.pattern[i] in ":)"), None)
            if end is None or not self.switch(self.pattern[self.place : end]):
                raise PatternError(f"`(?{self.pattern[self.place : self.place + 1]}` is not part of it")
            self.place = end + 1
            if self.pattern[end] == ")":
                return None
        piece = self.alternatives()
        self.flags = flags
        if not self.take(")"):
            raise PatternError("a `(` is not closed")
        return piece

    def switch(self, letters: str) -> bool:
        """Turn flags on, and those after a `-` off; whether all of them are known."""
        on, minus, off = letters.partition("-")
        self.flags = (self.flags | set(on)) - set(off)
        return set(on + off) <= set("imsU") and bool(off) is bool(minus)

    def assertion(self, name: str) -> _Piece:
        return lambda start, end: self.made.free[start].append((name, end))

    def one_of(self, ranges: Ranges) -> _Piece:
        def build(start: int, end: int) -> None:
            here = self.made.state()
            self.made.free[start].append(("", here))
            self.made.steps[here] = (ranges, end)

        return build

    def literal(self, char: int) -> _Piece:
        return self.one_of(self.folded(((char, char),)))

    def folded(self, ranges: Ranges) -> Ranges:
        """The characters, and those that differ from them in case only, where case does not count."""
        if "i" not in self.flags:
            return ranges
        if any(high > 127 for _, high in ranges):
            raise PatternError("`(?i)` with characters that are not ASCII is not taken")
        found = list(ranges)
        for letter in "abcdefghijklmnopqrstuvwxyz":
            both = (ord(letter), ord(letter.upper()))
            if any(low <= each <= high for each in both for low, high in ranges):
                found += [(each, each) for each in (*both, *_FOLDED.get(letter, ()))]
        return tuple(found)

    def escape(self) -> _Piece:
        char = self.next()
        names = {"b": "boundary", "B": "inside", "A": "start", "z": "end"}
        if char in names:
            return self.assertion(names[char])
        if char.lower() in _CLASSES:
            ranges = self.folded(_CLASSES[char.lower()])
            return self.one_of(ranges if char.islower() else _others(ranges))
        return self.literal(self.character(char))

    def shorthand(self, char: str) -> Ranges | None:
        ranges = _CLASSES.get(char.lower())
        return ranges if ranges is None or char.islower() else _others(ranges)

    def character(self, char: str) -> int:
        """The character that an escape means, `char` being what follows the backslash."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            braces = self.take("{")
            end = self.pattern.find("}", self.place) if braces else self.place + 2
            digits = self.pattern[self.place : end]
            self.place = end + braces
            try:
                found = int(digits, 16) if digits.isalnum() else -1
            except ValueError:
                found = -1
            if not 0 <= found <= _LAST or (not braces and len(digits) < 2):
                raise PatternError("`\\x` takes two hexadecimal digits, or some in braces")
            return found
        if char not in _PUNCTUATION:
            raise PatternError(f"`\\{char}` is not taken")
        return ord(char)

    def bracket(self) -> Ranges:
        negated, found, first = self.take("^"), list[tuple[int, int]](), True
        while first or not self.peek("]"):
            first = False
            found += self.member()
        self.next()
        ranges = self.folded(tuple(found))
        return _others(ranges) if negated else ranges

    def member(self) -> Ranges:
        if self.take("[:"):
            name, _, _ = self.pattern[self.place :].partition(":]")
            ranges = _POSIX.get(name.removeprefix("^"))
            if ranges is None:
                raise PatternError(f"`[:{name[:12]}:]` is not a class")
            self.place += len(name) + 2
            return _others(ranges) if name.startswith("^") else ranges
        char = self.next()
        if char == "\\":
            char = self.next()
            ranges = self.shorthand(char)
            if ranges is not None:
                return ranges
            low = self.character(char)
        else:
            low = ord(char)
        if not self.peek("-") or self.pattern[self.place + 1 : self.place + 2] in ("]", ""):
            return ((low, low),)
        self.next()
        end = self.next()
        high = self.character(self.next()) if end == "\\" else ord(end)
        if high < low:
            raise PatternError("a range of characters is reversed")
        return ((low, high),)


def _number(text: str) -> bool:
    """Whether a text is a number to RE2, which has no zeros before it."""
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def _others(ranges: Ranges) -> Ranges:
    """All characters but these."""
    found, least = [], 0
    for low, high in sorted(ranges):
        if low > least:
            found.append((least, low - 1))
        least = max(least, high + 1)
    return (*found, *(((least, _LAST),) if least <= _LAST else ()))
