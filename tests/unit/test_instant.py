"""Instants and durations: what is read, what is refused, and that reading and writing are each other's opposite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.instant import (
    INTEGER_BOUND,
    SECOND,
    duration_text,
    format_duration,
    format_instant,
    in_utc,
    parse_duration,
    parse_instant,
    read_instant,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JUNE = 1_781_179_205 * SECOND
"""2026-06-11T12:00:05Z"""

LAST = "2255-06-05T23:47:34.740991Z"
"""The last instant below 2**53 microseconds."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("2026-06-11T12:00:05Z", JUNE),
        ("2026-06-11T12:00:05+00:00", JUNE),
        ("2026-06-11T12:00:05.2Z", JUNE + 200_000),
        ("2026-06-11T12:00:05.250Z", JUNE + 250_000),
        ("2026-06-11T12:00:05.250000+00:00", JUNE + 250_000),
        ("2026-06-11T12:00:05.123456Z", JUNE + 123_456),
        ("2026-06-11T12:00:05.1234569Z", JUNE + 123_456),
        ("2026-06-11T12:00:05.999999999Z", JUNE + 999_999),
        ("2024-02-29T00:00:00Z", 1_709_164_800 * SECOND),
        (LAST, INTEGER_BOUND - 1),
    ],
)
def test_an_instant_is_microseconds_since_the_epoch(text: str, expected: int) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-11T12:00:05Z", JUNE),
        ("2026-06-11t12:00:05z", JUNE),
        ("2026-06-11T14:00:05+02:00", JUNE),
        ("2026-06-11T02:30:05.25-09:30", JUNE + 250_000),
        ("2026-06-11T12:00:05-00:00", JUNE),
        ("2026-06-12T11:59:05+23:59", JUNE),
        ("2026-06-11T12:00:05.12345678901234Z", JUNE + 123_456),
        ("1970-01-01T01:00:00+01:00", 0),
    ],
)
def test_people_and_other_programs_write_any_offset(text: str, expected: int) -> None:
    assert read_instant(text) == expected
    utc = in_utc(text)
    assert utc is not None
    assert parse_instant(utc) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-06-11",
        "2026-06-11 12:00:05Z",
        "2026-06-11T12:00:05+24:00",
        "2026-06-11T12:00:05+2:00",
        "2026-06-11T12:00:05+0200",
        "2026-06-11T12:00:60Z",
        "-2026-06-11T12:00:05Z",
        "2026-06-11T12:00:05+02:00 ",
        "2026-06-11T12:00:05.Z",
        "2026-06-11T12:00:05+02:60",
    ],
)
def test_what_is_not_an_instant_in_any_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an RFC 3339 instant such as `2026-06-11T12:00:05Z`$"):
        read_instant(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-02-30T12:00:05+02:00", "no such day"),
        ("2026-06-11T24:00:00Z", "no such day"),
        ("0001-01-01T00:00:00+01:00", "no such day"),
        ("0999-01-01T00:00:00+01:00", "outside 1970"),
        ("1970-01-01T00:00:00+01:00", "outside 1970"),
        ("9999-12-31T00:00:00-01:00", "outside 1970"),
    ],
)
def test_an_instant_of_no_day_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-06-11",
        "2026-06-11T12:00Z",
        "2026-06-11T12:00:05",
        "2026-06-11 12:00:05Z",
        "2026-06-11t12:00:05z",
        "2026-06-11T12:00:05.Z",
        "2026-06-11T12:00:05,5Z",
        "2026-06-11T12:00:05.1234567890Z",
        "2026-06-11T12:00:05+02:00",
        "2026-06-11T12:00:05-00:00",
        "2026-06-11T12:00:05+0000",
        "2026-06-11T12:00:05Z\n",
        " 2026-06-11T12:00:05Z",
        "2026-06-11T12:00:05ZZ",
        "20260611T120005Z",
        "+2026-06-11T12:00:05Z",
        "٢٠٢٦-06-11T12:00:05Z",
    ],
)
def test_what_is_not_written_as_an_instant_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an instant in UTC such as `2026-06-11T12:00:05Z`$"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-06-11T24:00:00Z",
        "2026-06-11T24:00:01Z",
        "2026-06-11T12:60:00Z",
        "2026-06-30T23:59:60Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_an_instant_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^`{text}` is not an instant"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59.999999Z", "2255-06-05T23:47:34.740992Z", "9999-12-31T00:00:00Z"])
def test_an_instant_whose_number_is_not_exact_everywhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is outside 1970-01-01 to 2255-06-05$"):
        parse_instant(text)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (JUNE, "2026-06-11T12:00:05Z"),
        (JUNE + 250_000, "2026-06-11T12:00:05.250Z"),
        (JUNE + 250_001, "2026-06-11T12:00:05.250001Z"),
        (INTEGER_BOUND - 1, LAST),
    ],
)
def test_an_instant_is_written_with_as_many_digits_as_it_needs(instant: int, expected: str) -> None:
    assert format_instant(instant) == expected


@given(st.integers(0, INTEGER_BOUND - 1))
def test_an_instant_that_is_written_is_read_back(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2255, 6, 5)),  # noqa: DTZ001
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["Z", "+00:00"]),
)
def test_an_instant_is_what_datetime_makes_of_it(naive: datetime, digits: str, zone: str) -> None:
    text = naive.isoformat(timespec=digits) + zone
    assert EPOCH + timedelta(microseconds=parse_instant(text)) == datetime.fromisoformat(text)


@given(st.from_regex(r"\A(19|20)\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,6})?(Z|\+00:00)\Z"))
def test_a_text_of_that_form_is_an_instant_exactly_when_datetime_has_it(text: str) -> None:
    assert parsed(text) == told_by_datetime(text)


def parsed(text: str) -> int | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None


def told_by_datetime(text: str) -> int | None:
    try:
        since = datetime.fromisoformat(text) - EPOCH
    except ValueError:
        return None
    return since // timedelta(microseconds=1) if since >= timedelta() else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0),
        ("180s", 180 * SECOND),
        ("3m", 180 * SECOND),
        ("1h30m", 5_400 * SECOND),
        ("48h", 172_800 * SECOND),
        ("26h3m4s5ms6us", 93_784_005_006),
        ("5ms", 5_000),
        ("5m5ms", 300_005_000),
        ("7us", 7),
        ("90m", 5_400 * SECOND),
        ("9007199254740991us", INTEGER_BOUND - 1),
    ],
)
def test_a_duration_is_microseconds(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "180", "s", "d", "1h1d", "3 m", "-3m", "+3m", "30m1h", "1h1h", "3M", "1w", "3m ", "3m\n", "٣m", "PT3M", "1hm"],
)
def test_what_is_not_written_as_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration such as `180s`, `3m` or `1h30m`$"):
        parse_duration(text)


def test_a_duration_whose_number_is_not_exact_everywhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`9007199254740992us` is longer than 285 years$"):
        parse_duration("9007199254740992us")


@pytest.mark.parametrize(
    ("duration", "expected"),
    [(0, "0s"), (180 * SECOND, "3m"), (-90 * SECOND, "-1m30s"), (93_784_005_006, "26h3m4s5ms6us"), (1, "1us")],
)
def test_a_duration_is_written_largest_unit_first(duration: int, expected: str) -> None:
    assert format_duration(duration) == expected


@pytest.mark.parametrize(("text", "expected"), [("1d", "24h"), ("2d12h", "60h"), ("1d1us", "24h1us")])
def test_a_day_has_24_hours(text: str, expected: str) -> None:
    assert format_duration(parse_duration(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", "0s"),
        ("180s", "3m"),
        ("90s", "1m30s"),
        ("5m17s123ms456us", "5m17s"),
        ("59s999ms600us", "1m"),
        ("59m59s500ms", "1h"),
        ("3h29m31s", "3h30m"),
        ("23h59m59s", "1d"),
        ("1d12h", "1d12h"),
        ("400h", "16d16h"),
        ("1s250ms", "1s250ms"),
        ("999us", "999us"),
        ("1ms999us", "1ms999us"),
        ("999ms999us", "1s"),
        ("1us", "1us"),
    ],
)
def test_people_read_a_duration_in_two_units(text: str, expected: str) -> None:
    assert duration_text(parse_duration(text)) == expected
    assert duration_text(-parse_duration(text)) == ("-" if text != "0s" else "") + expected


@given(st.integers(1, INTEGER_BOUND // 2))
def test_what_people_read_is_near(duration: int) -> None:
    read = parse_duration(duration_text(duration))
    assert abs(read - duration) <= duration / 48 + 0.5


@given(st.integers(0, INTEGER_BOUND - 1))
def test_a_duration_that_is_written_is_read_back(duration: int) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.integers(1, INTEGER_BOUND - 1))
def test_a_negative_duration_is_written_as_its_opposite_with_a_sign(duration: int) -> None:
    assert format_duration(-duration) == "-" + format_duration(duration)


def test_an_instant_without_an_offset_is_refused_with_one() -> None:
    with pytest.raises(ValueError, match=r"^`2026-06-11T12:00:05` has no offset; `2026-06-11T12:00:05Z` is in UTC$"):
        read_instant("2026-06-11T12:00:05")


@pytest.mark.parametrize("parse", [parse_instant, parse_duration])
def test_a_long_text_is_cut_where_it_is_shown(parse: Callable[[str], int]) -> None:
    with pytest.raises(ValueError, match=r"^`x{37}\.\.\.` is not an? "):
        parse("x" * 10_000)


@pytest.mark.parametrize("instant", [-(1 << 60), 1 << 60])
def test_an_instant_outside_every_calendar_is_told_in_seconds(instant: int) -> None:
    assert format_instant(instant) == f"{instant // 1_000_000} seconds since 1970"
