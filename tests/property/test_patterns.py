"""Patterns are read as RE2 reads them: random ones, compared with CEL's C++ implementation, which matches by RE2."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.language.patterns import PatternError, compiled, find, find_all, matches
from tests.conftest import EXAMPLES

cel = pytest.importorskip("cel_expr_python.cel", reason="CEL's C++ implementation has no release for this Python")

CASES = 3_000 * EXAMPLES
ATOMS: tuple[str, ...] = (
    "a",
    "b",
    "ab",
    ".",
    "^",
    "$",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\b",
    "\\B",
    "\\A",
    "\\z",
    "[ab]",
    "é",
)
ATOMS += (
    "[^a]",
    "[a-c]",
    "[^\\d\\s]",
    "[[:alpha:]]",
    "[[:^digit:]_]",
    "[]a]",
    "[a\\]]",
    "\\.",
    "\\x41",
    "\\x{1F600}",
    "{",
)
ATOMS += ("(?i)a", "(?s).", "(?m)^b$", "(?i:k)", "(?-i)A", "\\n", "\\t", "-", "[-a]", "[a-]", "1", "_", "/", "\\Qa")
ATOMS += (
    "\\pL",
    "\\1",
    "(?=a)",
    "(?<n>a)",
    "(?P<n>b)",
    "[b-a]",
    "[[:no:]]",
    "\\Z",
    "\\8",
    "(",
    ")",
    "[",
    "*",
    "x{2",
    "\\",
)
ENDS = ("*", "+", "?", "{2}", "{1,}", "{0,2}", "{,2}", "*?", "+?", "??", "{2}?", "{1001}", "{2,1}", "**")
TEXTS: tuple[str, ...] = (
    "",
    "a",
    "b",
    "ab",
    "aab",
    "abab",
    "A",
    "K",
    "\u212a",
    "\u017f",
    "é",
    "1",
    "a1",
    "a b",
    "\n",
    "a\n",
    "b\na",
    "_",
    "{",
    "x{2",
)
TEXTS += ("-", "]", "😀", "٣", "a.b", "/", "\t", "\x0b", "B", "AB", "aaaa", "\u00a0", "É", "z9_")


def pattern(random: Random, depth: int = 2) -> str:
    pieces = []
    for _ in range(random.choice((1, 1, 2, 3))):
        piece = random.choice(ATOMS)
        if depth and random.random() < 0.3:
            inner = pattern(random, depth - 1)
            piece = (
                f"({random.choice(('', '?:', '?i:'))}{inner}{random.choice(('', '|' + pattern(random, depth - 1)))})"
            )
        pieces.append(piece + (random.choice(ENDS) if random.random() < 0.3 else ""))
    return "".join(pieces)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


def check(random: Random) -> str:
    """One pattern over every text; whether it is taken."""
    written = pattern(random)
    try:
        compiled(written)
    except PatternError:
        return "refused"
    listed = f"[{', '.join(map(quoted, TEXTS))}]"
    found = cel.NewEnv(variables={}).compile(f"{listed}.map(t, t.matches({quoted(written)}))").eval(data={})
    assert found.type() != cel.Type.ERROR, f"RE2 refuses {written!r}"
    expected = [each.value() for each in found.value()]
    mine = [matches(text, written) for text in TEXTS]
    assert mine == expected, (written, [t for t, m, e in zip(TEXTS, mine, expected, strict=True) if m is not e])
    return "taken"


@pytest.mark.slow
def test_patterns_match_as_in_re2() -> None:
    seen = Counter(check(Random(seed)) for seed in range(CASES))
    assert seen["taken"] > CASES / 3


@given(st.integers(0, 2**64))
def test_a_pattern_matches_as_in_re2(seed: int) -> None:
    check(Random(seed))


def test_no_pattern_takes_long() -> None:
    assert not matches("a" * 20_000, "^(a+)+$b")
    with pytest.raises(PatternError, match="too long"):
        matches("a" * 400_000, "(a|b)*c")


def written(random: Random, depth: int = 2) -> str:
    """A pattern that Python reads as RE2 does, in which nothing is repeated that may be of no characters."""
    atom = random.choice(("a", "b", "[ab]", "[^a]", "ab", "."))
    if depth and random.random() < 0.4:
        atom = f"({'|'.join(written(random, depth - 1) for _ in range(random.choice((1, 2, 3))))})"
    times = random.choice(("", "", "?", "+", "*", "{2}", "{1,2}", "{0,2}")) + random.choice(("", "", "?"))
    if times == "?" * len(times) or times[:1] in "?+*{":
        try:
            compiled(f"({atom}){times}")
        except PatternError:
            times = ""
    first = f"{atom if atom[0] in '([' or len(atom) == 1 else f'({atom})'}{times}"
    return first + (written(random, depth - 1) if depth and random.random() < 0.5 else "")


def found_as_python_finds(random: Random) -> str:
    pattern = random.choice(("", "", "^", "\\b")) + written(random) + random.choice(("", "", "", "\\b"))
    text = "".join(random.choice("aab b") for _ in range(random.randrange(9)))
    if compiled(pattern).empty_loops:
        with pytest.raises(PatternError, match="no characters"):
            find(text, pattern)
        return "not searched for"
    met = re.search(pattern, text)
    assert find(text, pattern) == (met[0] if met else ""), (pattern, text)
    assert matches(text, pattern) is (met is not None)
    every = [part[0] for part in re.finditer(pattern, text)]
    if "" not in every:
        assert find_all(text, pattern) == tuple(every), (pattern, text)
        assert find_all(text, pattern, 1) == tuple(every[:1])
    return "found" if met else "not found"


def test_the_part_that_matches_is_the_one_that_python_finds() -> None:
    seen = Counter(found_as_python_finds(Random(seed)) for seed in range(CASES))
    assert seen["found"] > CASES / 3
    assert seen["not found"] > CASES / 50


def test_a_text_that_is_too_long_is_not_searched() -> None:
    with pytest.raises(PatternError, match="too long"):
        find("a" * 2_000_000, "(ab|ba)+c")
    with pytest.raises(PatternError, match="takes too long"):
        find_all("a" * 20_000, "a(.*b)?")
