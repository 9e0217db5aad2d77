"""Random conditions in the language, as text: well typed over the names that are in sight.

Parentheses are left out wherever precedence allows, so that precedence is part of what is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Literal, NamedTuple

from interlock.instant import format_duration, format_instant
from interlock.language.calendar import PARTS, SPANS
from interlock.model.expression import Type, ValueKind

Fields = Mapping[str, Type]

CHOICE, OR, AND, RELATION, SUM, PRODUCT, UNARY, MEMBER = range(8)
ORDERED: tuple[ValueKind, ...] = ("int", "timestamp", "duration")
PATTERNS = ("a", "^a", "b$", "^(a|b)+$", "[a-z]+", "\\d{2,3}", "(?i)AB", "^$", "a.c", "\\bwork", "[^a]*r$")
ZONES = (*("", "", '"UTC"', '"+02:00"', '"-09:30"'), *('"Europe/Berlin"', '"America/New_York"', '"Asia/Kolkata"'))
COMPARED = ("string", "string", "string", "int", "bool", "timestamp", "duration")


class Pool(NamedTuple):
    """The values of one case: few, so that facts and conditions often hold the same ones. Times in microseconds."""

    strings: tuple[str, ...]
    ints: tuple[int, ...]
    durations: tuple[int, ...]
    instants: tuple[int, ...]


class Thing(NamedTuple):
    """A fact that can be named, as it is written: `seat`, `verdict["worker"]`."""

    text: str
    fields: Fields


class Sight(NamedTuple):
    """What a condition may name. `maps` give the type of the key; `many` is what macros range over, maps included."""

    pool: Pool
    things: tuple[Thing, ...] = ()
    maps: Mapping[str, tuple[Type, Fields]] = {}
    many: Mapping[str, Fields] = {}
    params: Mapping[str, Type] = {}
    place: Literal["where", "condition", "value"] = "condition"
    blocked: bool = False
    nulls: bool = True
    nesting: float = 0.2
    """How often a macro is inside another one, where it may be."""
    wide: bool = False
    """Whether functions, lists, `?:` and the like are written, everywhere."""


class Text(NamedTuple):
    """A piece of an expression: how tightly its outermost operator binds, its type where it is a value, and whether it
    is a written value."""

    level: int
    text: str
    type: Type = Type("bool")
    written: bool = False


class Writer:
    """Writes conditions over one sight."""

    def __init__(self, random: Random, sight: Sight) -> None:
        self.random, self.sight, self.macro = random, sight, ""
        self.things = sight.things
        self.values: list[str] = []
        self.ranged: list[str] = []

    def condition(self, depth: int = 2) -> str:
        return self.logic(depth).text

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def within(self, text: Text, level: int) -> str:
        """The text where something must bind at least as tightly as `level`."""
        return f"({text.text})" if text.level < level or self.chance(0.05) else text.text

    # -- logic

    def logic(self, depth: int) -> Text:
        kind = self.random.choice(("atom", "and", "or", "not", "atom")) if depth else "atom"
        if kind == "atom":
            return self.atom(depth)
        if kind == "not":
            return Text(UNARY, "!" + self.within(self.logic(depth - 1), UNARY))
        level, joint = (AND, " && ") if kind == "and" else (OR, " || ")
        items = [self.within(self.logic(depth - 1), level) for _ in range(self.random.choice((2, 2, 3)))]
        return Text(level, joint.join(items))

    def atom(self, depth: int) -> Text:
        ways: list[Callable[[], Text]] = [self.equality, self.equality, self.ordering, self.ordering, self.membership]
        ways += [self.flag, self.presence]
        if self.sight.nulls:
            ways += [self.null]
        nests = not self.macro or (depth > 0 and len(self.ranged) < 3 and self.chance(self.sight.nesting))
        if depth and self.sight.place != "where" and nests and self.sight.many:
            ways += [self.some, self.some, self.some]
        if self.sight.wide:
            ways += [self.test_of_text, self.test_of_text, self.of_list, self.of_list, self.fraction, self.ordered]
            ways += [lambda: self.same_truth(depth), lambda: self.choice("bool", depth)] if depth else []
        if depth and self.sight.place == "value":
            ways += [lambda: self.same_truth(depth), lambda: self.choice("bool", depth)]
        return self.random.choice(ways)()

    def same_truth(self, depth: int) -> Text:
        """Conditions compared as values, which only outputs and their like may do."""
        sides = [self.within(self.logic(depth - 1), SUM) for _ in range(2)]
        return Text(RELATION, f" {self.random.choice(('==', '!='))} ".join(sides))

    def choice(self, kind: str, depth: int) -> Text:
        asked = self.within(self.logic(depth - 1), OR)
        yes, no = (self.logic(depth - 1) if kind == "bool" else self.sum(kind, 1) for _ in range(2))
        return Text(CHOICE, f"{asked} ? {self.within(yes, OR)} : {no.text}", Type(kind))  # type: ignore[arg-type]

    def equality(self) -> Text:
        kind = self.random.choice(COMPARED)
        left = self.sum(kind, 1) if self.chance(0.3) and kind != "bool" else self.operand(kind)
        right = self.literal(left.type) if left.written or self.chance(0.5) else self.operand(kind, left.type)
        sides = [self.within(side, SUM) for side in (left, right)]
        if self.chance(0.3):
            sides.reverse()
        return Text(RELATION, f" {self.random.choice(('==', '==', '!='))} ".join(sides))

    def ordering(self) -> Text:
        kind: ValueKind = self.random.choice(ORDERED)
        left, right = self.sum(kind), self.sum(kind, 1) if self.chance(0.6) else self.literal(Type(kind))
        op = self.random.choice(("<", "<=", ">", ">="))
        return Text(RELATION, f"{self.within(left, SUM)} {op} {self.within(right, SUM)}")

    def membership(self) -> Text:
        lists = [name for name, found in self.sight.params.items() if found.kind == "list"]
        if lists and self.chance(0.03 if self.macro else 0.5):
            listed = self.within(self.operand("string"), SUM)
            return Text(RELATION, f"{listed} in params.{self.random.choice(lists)}")
        kind = self.random.choice(("string", "string", "int", "timestamp", "duration"))
        item = self.sum(kind, 1)
        members = [self.within(self.literal(item.type), SUM) for _ in range(self.random.randint(0, 3))]
        return Text(RELATION, f"{self.within(item, SUM)} in [{', '.join(members)}]")

    def flag(self) -> Text:
        if self.sight.blocked and self.chance(0.5):
            return Text(UNARY, "blocked")
        return self.operand("bool") if self.chance(0.9) else Text(UNARY, self.random.choice(("true", "false")))

    def null(self) -> Text:
        op = self.random.choice(("==", "!="))
        if self.chance(0.3) and self.sight.params:
            return Text(RELATION, f"params.{self.random.choice([*self.sight.params])} {op} null")
        thing = self.thing()
        if thing is None:
            return Text(RELATION, f"null {op} null")
        return Text(RELATION, f"{thing.text}.{self.random.choice([*thing.fields])} {op} null")

    def presence(self) -> Text:
        thing = self.thing()
        if thing is None:
            return Text(UNARY, "true")
        if self.chance(0.5):
            return Text(UNARY, f"has({thing.text}.{self.random.choice([*thing.fields])})")
        sides = [thing.text, "null"] if self.chance(0.7) else ["null", thing.text]
        return Text(RELATION, f" {self.random.choice(('==', '!='))} ".join(sides))

    def some(self) -> Text:
        """A macro over facts: of those that a filter leaves, inside another macro, or how many there are."""
        name, outer = self.random.choice([*self.sight.many]), (self.macro, self.things)
        of, variable = name, f"it{len(self.ranged)}" if self.ranged else "it"
        if self.chance(0.2):
            of = f"{name}.filter({variable}, {self.of_fact(name, variable, outer).text})"
            if self.chance(0.3):
                of += f".filter({variable}, {self.of_fact(name, variable, outer).text})"
        if self.chance(0.15):
            plain = of == name and name not in {thing.text for thing in self.things}
            size = f"size({name})" if plain and self.chance(0.5) else f"{of}.size()"
            return Text(RELATION, f"{size} {self.random.choice(('<', '==', '>='))} {self.random.randint(0, 3)}")
        word = self.random.choice(("exists", "exists", "all", "exists", "all", "exists_one"))
        return Text(UNARY, f"{of}.{word}({variable}, {self.of_fact(name, variable, outer).text})")

    def of_fact(self, name: str, variable: str, outer: tuple[str, tuple[Thing, ...]]) -> Text:
        fields = self.sight.many[name]
        self.macro, self.things = variable, (Thing(variable, fields), Thing(variable, fields), *outer[1])
        self.ranged.append(variable)
        inner = self.logic(self.random.choice((0, 1, 1, 2)))
        self.ranged.pop()
        self.macro, self.things = outer
        return inner

    # -- functions

    def test_of_text(self) -> Text:
        """A test of a text."""
        word = self.random.choice(("startsWith", "endsWith", "contains", "matches"))
        text = self.within(self.sum("string", 1), MEMBER)
        if word == "matches":
            return Text(MEMBER, f"{text}.matches({quoted(self.random.choice(PATTERNS), self.random)})")
        return Text(MEMBER, f"{text}.{word}({self.operand('string').text})")

    def ordered(self) -> Text:
        """An ordering of what the engine does not order."""
        kind = self.random.choice(("string", "bool"))
        sides = [self.within(self.operand(kind), SUM) for _ in range(2)]
        return Text(RELATION, f" {self.random.choice(('<', '<=', '>', '>='))} ".join(sides))

    def fraction(self) -> Text:
        """A comparison of numbers with fractions."""
        numbers = [self.fractional() for _ in range(2)]
        return Text(RELATION, f" {self.random.choice(('<', '<=', '>', '>=', '=='))} ".join(numbers))

    def fractional(self) -> str:
        if self.chance(0.4):
            return self.random.choice(("0.5", "1.5", "-2.25", "1e3"))
        number = f"double({self.sum('int', 1).text})"
        return (
            f"{number} {self.random.choice('+-*')} {self.random.choice(('0.5', '2.0'))}" if self.chance(0.5) else number
        )

    def listed(self) -> str:
        """A list of texts, that a method can follow."""
        lists = [f"params.{name}" for name, found in self.sight.params.items() if found.kind == "list"]
        for thing in self.things:
            lists += [f"{thing.text}.{path}" for path, of in thing.fields.items() if _of_texts(of)]
        written = f"[{', '.join(self.operand('string').text for _ in range(self.random.randint(1, 3)))}]"
        found = self.random.choice([*lists, *lists, written])
        ways = self.random.random()
        if ways < 0.15:
            return f"({found} + {self.random.choice([*lists, written])})"
        if ways < 0.25:
            return f'{self.within(self.sum("string", 1), MEMBER)}.split("a")'
        if ways < 0.35:
            return f'{found}.map(v, v + "a")'
        return f'{found}.filter(v, v != "a")' if ways < 0.45 else found

    def of_list(self) -> Text:
        """A test of a list."""
        listed = self.listed()
        if self.chance(0.25):
            return Text(RELATION, f"{self.within(self.sum('string', 1), SUM)} in {listed}")
        if self.chance(0.25):
            return Text(
                RELATION, f"{listed}.size() {self.random.choice(('<', '==', '>='))} {self.random.randint(0, 3)}"
            )
        word = self.random.choice(("exists", "all", "exists_one"))
        name = f"v{len(self.values)}"
        self.values.append(name)
        inner = self.logic(1) if self.chance(0.3) and not self.macro else self.test_of_text()
        own = self.random.choice((f"{name} == {self.operand('string').text}", f"{name}.size() > 1"))
        self.values.pop()
        return Text(
            MEMBER, f"{listed}.{word}({name}, {self.within(inner, AND)} {self.random.choice(('&&', '||'))} {own})"
        )

    def function(self, kind: str) -> Text | None:
        """A function that gives a value of the kind."""

        def text() -> str:
            return self.within(self.operand("string"), MEMBER)

        def number() -> str:
            return self.within(self.operand("int"), UNARY)

        pick = self.random.choice
        match kind:
            case "int":
                found = pick(
                    (
                        (MEMBER, f"{text()}.size()"),
                        (PRODUCT, f"{number()} {pick('*/%')} {number()}"),
                        (PRODUCT, f"{number()} {pick('*/%')} {pick((2, 3, 7))}"),
                        (UNARY, f"-{self.within(self.operand('int'), MEMBER)}"),
                        (MEMBER, f"int({text()})"),
                        (MEMBER, self.part_of_time()),
                        (MEMBER, self.part_of_time()),
                        (MEMBER, f"{text()}.indexOf({self.operand('string').text})"),
                    )
                )
            case "string":
                found = pick(
                    (
                        (MEMBER, f"{text()}.{pick(('lowerAscii', 'upperAscii', 'trim'))}()"),
                        (MEMBER, f"{text()}.substring({pick((0, 0, 1, 2))})"),
                        (MEMBER, f"{text()}.charAt({pick((0, 1, 5))})"),
                        (MEMBER, f'{text()}.replace("a", {self.operand("string").text})'),
                        (MEMBER, f"string({self.operand(pick(('int', 'bool'))).text})"),
                    )
                )
            case "bool":
                return None
            case _:
                return None
        return Text(found[0], found[1], Type(kind))

    def part_of_time(self) -> str:
        """A part of an instant, in a zone or in UTC, or of a duration."""
        of = self.random.choice(("timestamp", "timestamp", "duration"))
        value = self.within(self.operand(of), MEMBER)
        part = self.random.choice(tuple(SPANS) if of == "duration" else PARTS)
        return f"{value}.{part}({self.random.choice(ZONES) if of == 'timestamp' else ''})"

    # -- values

    def thing(self) -> Thing | None:
        """A fact that is in sight, or one that is looked up in a map."""
        if self.sight.maps and self.sight.place != "where" and (not self.things or self.chance(0.3)):
            name = self.random.choice([*self.sight.maps])
            key, fields = self.sight.maps[name]
            return Thing(f"{name}[{self.key(key)}]", fields)
        return self.random.choice(self.things) if self.things else None

    def key(self, key: Type) -> str:
        facts = [t for t in self.things if t.text not in self.ranged and "[" not in t.text]
        found = [f"{thing.text}.{path}" for thing in facts for path, of in thing.fields.items() if of.kind == key.kind]
        found += [f"params.{name}" for name, of in self.sight.params.items() if of.kind == key.kind]
        found += ["task"] if key.kind == "string" else []
        return self.random.choice(found) if found and self.chance(0.6) else self.literal(key).text

    def operand(self, kind: str, against: Type | None = None) -> Text:
        """A field, a parameter, `now` or `task`; a literal where there is none of the kind."""
        thing = self.thing()
        fields = {path: of for path, of in thing.fields.items() if of.kind == kind} if thing else {}
        if thing and fields and self.chance(0.85):
            path = self.random.choice([*fields])
            return Text(UNARY, f"{thing.text}.{path}", fields[path])
        known = [Text(UNARY, f"params.{n}", of) for n, of in self.sight.params.items() if of.kind == kind]
        known += [Text(UNARY, "now", Type("timestamp"))] if kind == "timestamp" else []
        known += [Text(UNARY, "task", Type("string"))] if kind == "string" and self.chance(0.3) else []
        return self.random.choice(known) if known else self.literal(against or Type(kind))  # type: ignore[arg-type]

    def sum(self, kind: str, depth: int = 2) -> Text:
        if kind == "int" and self.sight.place == "value" and self.sight.many and self.chance(0.2):
            return Text(UNARY, f"{self.random.choice([*self.sight.many])}.size()", Type("int"))
        if kind != "bool" and depth and (self.sight.place == "value" or self.sight.wide) and self.chance(0.1):
            return self.choice(kind, 1)
        if self.sight.wide and depth and self.chance(0.35) and (made := self.function(kind)) is not None:
            return made
        if kind == "string" and depth and (self.sight.place != "condition" or self.sight.wide) and self.chance(0.5):
            sides = [self.within(self.operand(kind), SUM) for _ in range(2)]
            return Text(SUM, " + ".join(sides), Type("string"))
        if kind not in ORDERED or not depth or self.chance(0.4):
            return self.operand(kind) if kind != "duration" or self.chance(0.3) else self.difference()
        op = self.random.choice("+-")
        if kind == "timestamp" and op == "+" and self.chance(0.3):
            kinds = ("duration", "timestamp")
        else:
            kinds = (kind, "duration" if kind == "timestamp" else kind)
        left, right = self.sum(kinds[0], depth - 1), self.sum(kinds[1], depth - 1)
        text = f"{self.within(left, SUM)} {op} {self.within(right, PRODUCT)}"
        return Text(SUM, text, Type(kind))

    def difference(self) -> Text:
        """What is mostly made of instants: a duration."""
        if self.chance(0.3):
            return self.literal(Type("duration"))
        sides = [self.within(self.operand("timestamp"), UNARY) for _ in range(2)]
        return Text(SUM, " - ".join(sides), Type("duration"))

    def literal(self, of: Type) -> Text:
        """A written value that a field of this type can have."""
        pool, pick = self.sight.pool, self.random.choice
        match of.kind:
            case "string":
                return Text(UNARY, quoted(pick(of.enum or pool.strings), self.random), of, True)
            case "int":
                return Text(UNARY, str(pick(pool.ints)), of, True)
            case "bool":
                return Text(UNARY, pick(("true", "false")), of, True)
            case "timestamp":
                return Text(UNARY, f'timestamp("{format_instant(pick(pool.instants))}")', of, True)
        return Text(UNARY, f'duration("{format_duration(pick([d for d in pool.durations if d >= 0]))}")', of, True)


def _of_texts(of: Type) -> bool:
    """Whether a field is a list of texts; there are lists of objects too."""
    return of.kind == "list" and (of.item is None or of.item.kind == "string")


def quoted(text: str, random: Random) -> str:
    """A text between quotes; what cannot stand there is escaped, some of what could is too."""
    quote = random.choice('""\'')
    shown = []
    for char in text:
        if char in (quote, "\\"):
            shown.append("\\" + char)
        elif char == "\n":
            shown.append("\\n")
        elif ord(char) < 0x10000 and (not char.isprintable() or random.random() < 0.02):
            shown.append(f"\\u{ord(char):04x}")
        else:
            shown.append(char)
    return quote + "".join(shown) + quote
