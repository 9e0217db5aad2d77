"""Patterns are read as RE2 reads them: random ones, compared with CEL's C++ implementation, which matches by RE2."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.language.patterns import PatternError, compiled, matches
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
