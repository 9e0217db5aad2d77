"""The automata of patterns: states with moves, followed all at once, so that matching takes time linear in the text.

The moves of a state are in the order in which RE2 prefers them, which searching goes by.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_STATES = 2_000
"""The most states of a pattern's automaton."""
Ranges = tuple[tuple[int, int], ...]
"""Characters, by the first and the last of each range of them."""
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
"""The characters of a word."""


class PatternError(ValueError):
    """A pattern that is not valid, or that is not taken; the message says why."""


class Automaton:
    """States with moves: `steps` by a character, `free` without one, where an assertion allows it."""

    def __init__(self) -> None:
        self.steps: list[tuple[Ranges, int] | None] = []
        self.free: list[list[tuple[str, int]]] = []
        self.empty_loops = False

    def state(self) -> int:
        """A new state. Raises PatternError where there are too many."""
        if len(self.steps) == MAX_STATES:
            raise PatternError(f"it is larger than {MAX_STATES:,} states: repeat less")
        self.steps.append(None)
        self.free.append([])
        return len(self.steps) - 1

    def found(self, text: str) -> bool:
        """Whether the automaton comes from its first state to its last (the one after it) anywhere in the text."""
        here: set[int] = set()
        for place in range(len(text) + 1):
            here = self._closed({*here, 0}, text, place)
            if 1 in here:
                return True
            if place < len(text):
                char = ord(text[place])
                here = {to for state in here for to in _taken(self.steps[state], char)}
        return False

    def note_loop(self, start: int, end: int) -> None:
        """Note whether what is repeated between two states may be of no characters."""
        waiting, seen = [start], set[int]()
        while waiting and end not in seen:
            here = waiting.pop()
            waiting += [to for _, to in self.free[here] if to not in seen]
            seen.add(here)
        self.empty_loops |= end in seen

    def span(self, text: str, at: int) -> tuple[tuple[int, int] | None, int]:
        """Where the match begins and ends that RE2 prefers among those that begin first, from `at` on; and how far the
        text was examined."""
        threads: list[tuple[int, int]] = []
        best, place = None, at
        for place in range(at, len(text) + 1):
            if best is None:
                threads.append((0, place))
            met, seen = list[tuple[int, int]](), set[int]()
            for state, start in threads:
                if self._follow(state, start, text, place, seen, met):
                    best = (start, place)
                    break  # what is preferred less does not count any more
            if place == len(text) or (best is not None and not met):
                break
            char = ord(text[place])
            threads = [(to, start) for state, start in met for to in _taken(self.steps[state], char)]
        return best, place

    def _follow(
        self, state: int, start: int, text: str, place: int, seen: set[int], met: list[tuple[int, int]]
    ) -> bool:
        """Note the states that are reached without a character, in order; whether the last one is among them."""
        waiting = [state]
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            if here == 1:
                return True
            met += [(here, start)] if self.steps[here] is not None else []
            moves = (to for condition, to in self.free[here] if not condition or _ASSERTIONS[condition](text, place))
            waiting += reversed([*moves])
        return False

    def _closed(self, states: set[int], text: str, place: int) -> set[int]:
        waiting = list(states)
        while waiting:
            for condition, to in self.free[waiting.pop()]:
                if to not in states and (not condition or _ASSERTIONS[condition](text, place)):
                    states.add(to)
                    waiting.append(to)
        return states


def _taken(move: tuple[Ranges, int] | None, char: int) -> tuple[int, ...]:
    return () if move is None or not any(low <= char <= high for low, high in move[0]) else (move[1],)


def _is_word(text: str, place: int) -> bool:
    return 0 <= place < len(text) and any(low <= ord(text[place]) <= high for low, high in WORD)


def _boundary(text: str, place: int) -> bool:
    return _is_word(text, place - 1) is not _is_word(text, place)


_ASSERTIONS: dict[str, Callable[[str, int], bool]] = {
    "start": lambda _, place: place == 0,
    "end": lambda text, place: place == len(text),
    "line start": lambda text, place: place == 0 or text[place - 1] == "\n",
    "line end": lambda text, place: place == len(text) or text[place] == "\n",
    "boundary": _boundary,
    "inside": lambda text, place: not _boundary(text, place),
}
