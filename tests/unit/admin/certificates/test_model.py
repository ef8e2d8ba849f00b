"""Which certificate counts, what may be issued, and how lists are dated."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.admin.certificates.model import (
    CertificateError,
    current,
    list_dates,
    may_be_issued,
    plain_serial,
    to_revoke,
    validity,
)
from tests.unit.admin.certificates.papers import DAY, NOW, kept


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (kept(), "valid"),
        (kept(begins_in=1), "not yet valid"),
        (kept(ends_in=0), "ended"),
        (kept(ends_in=0, revoked=True), "revoked"),
    ],
)
def test_what_is_so_of_a_certificate(known, state: str) -> None:
    assert known.state(NOW) == state


def test_the_one_that_is_good_for_longest_counts() -> None:
    every = [kept("a1", ends_in=3), kept("b1", ends_in=9), kept("c1", ends_in=99, revoked=True), kept("d1", ends_in=0)]
    found = current(every, NOW)
    assert found is not None
    assert found.paper.serial == "b1"
    assert current(every[2:], NOW) is None


def test_a_first_one_and_a_renewal_are_told_apart() -> None:
    may_be_issued("p-1", [], NOW, renewal=False)
    may_be_issued("p-1", [kept()], NOW, renewal=True)
    with pytest.raises(CertificateError, match="use `pumpwatch certificates renew`"):
        may_be_issued("p-1", [kept()], NOW, renewal=False)
    with pytest.raises(CertificateError, match="use `pumpwatch certificates issue`"):
        may_be_issued("p-1", [kept(revoked=True)], NOW, renewal=True)


def test_all_of_a_device_are_revoked_or_the_one_that_is_named() -> None:
    every = [kept("a1"), kept("b1"), kept("c1", revoked=True)]
    assert [each.paper.serial for each in to_revoke("p-1", every, None)] == ["a1", "b1"]
    assert [each.paper.serial for each in to_revoke("p-1", every, "0B:1")] == ["b1"]
    assert to_revoke("p-1", every, "c1") == ()
    with pytest.raises(CertificateError, match="no certificate that is known here"):
        to_revoke("p-1", [], None)
    with pytest.raises(CertificateError, match="known are a1, b1, c1"):
        to_revoke("p-1", every, "ff")
    with pytest.raises(CertificateError, match="known are none"):
        to_revoke("p-1", [], "ff")


@pytest.mark.parametrize("typed", ["0a1f", "A1F", "0A:1F", "0x0a1f", " 0a 1f "])
def test_a_serial_number_may_be_typed_as_openssl_or_a_browser_shows_it(typed: str) -> None:
    assert plain_serial(typed) == "a1f"
    assert plain_serial("00") == "0"


def test_nothing_is_good_for_longer_than_its_authority() -> None:
    assert validity(NOW, 10, NOW + 99 * DAY) == (NOW - timedelta(hours=1), NOW + 10 * DAY)
    assert validity(NOW, 10, NOW + 2 * DAY)[1] == NOW + 2 * DAY
    with pytest.raises(CertificateError, match="make a new authority"):
        validity(NOW, 10, NOW)


@given(st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 1)), min_size=1, max_size=20))
def test_each_list_is_dated_after_the_one_before_and_ends_with_its_authority(moments: list[datetime]) -> None:
    """Whatever the clock does: of two with one date OpenSSL would stay with the older."""
    before = None
    for moment in moments:
        dated, ends = list_dates(moment.replace(tzinfo=NOW.tzinfo), before, NOW)
        assert before is None or dated - before >= timedelta(seconds=1)
        assert dated.microsecond == 0
        assert ends == NOW
        before = dated
