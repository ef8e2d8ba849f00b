"""Lengths and points of time as an operator types them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.admin.ages import parse_age, parse_moment, parse_since

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        (" 12h ", timedelta(hours=12)),
        ("1.5d", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta()),
        ("999999w", timedelta(days=36_500)),  # no date is that long ago
    ],
)
def test_an_age(text, age):
    assert parse_age(text) == age
    assert parse_since(text, NOW) == NOW - age


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1y", "1d2h", "1e3d", "soon", "9999999d"])
def test_what_is_no_age_says_what_was_expected(text):
    with pytest.raises(ValueError, match="is not a length of time: expected a number and s, m, h, d or w"):
        parse_age(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:30+02:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("2026-11-01 08:30", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_point_in_time(text, at):
    assert parse_since(text, NOW) == at


def test_what_is_no_time_says_what_was_expected():
    with pytest.raises(ValueError, match=r"'yesterday' is not a time: .* or a date and time"):
        parse_since("yesterday", NOW)


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-11-03T08:00+01:00", None, datetime(2026, 11, 3, 7, 0, tzinfo=UTC)),
        ("2026-11-03T08:00Z", "Europe/Berlin", datetime(2026, 11, 3, 8, 0, tzinfo=UTC)),
        (" 2026-11-03 08:00 ", "Europe/Berlin", datetime(2026, 11, 3, 7, 0, tzinfo=UTC)),
        ("2026-07-03", "Europe/Berlin", datetime(2026, 7, 2, 22, 0, tzinfo=UTC)),
    ],
)
def test_a_moment(text, zone, moment):
    assert parse_moment(text, zone) == moment


@pytest.mark.parametrize(
    ("text", "zone", "says"),
    [
        ("3.11.2026", "Europe/Berlin", "'3.11.2026' is not a time: expected a date and time such as 2026-11-03 08:00"),
        ("2026-11-03 08:00", None, "does not say where: expected an offset, such as 2026-11-03 08:00[+]01:00, or a --"),
        ("2026-11-03 08:00", "Berlin", "there is no time zone 'Berlin': expected one such as Europe/Berlin"),
        ("2026-11-03 08:00", "../x", "there is no time zone"),
        ("2026-10-25 02:30", "Europe/Berlin", "the clocks of Europe/Berlin change at .* such as [+]0200 or [+]0100"),
        ("2026-03-29 02:30", "Europe/Berlin", "the clocks of Europe/Berlin change at"),
    ],
)
def test_what_is_no_moment_is_refused(text, zone, says):
    with pytest.raises(ValueError, match=says):
        parse_moment(text, zone)
