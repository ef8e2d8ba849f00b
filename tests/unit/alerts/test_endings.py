"""Until when the broker's certificates are good: who is told, in which words, and how long before."""

from __future__ import annotations

from datetime import timedelta
from math import inf
from typing import Any

import pytest

from services.alerts.health.endings import OF_ANOTHER, Ending, ending_warnings, endings
from tests.unit.admin.certificates.papers import AUTHORITY, DAY, KEY, NOW, certificate, pem, revoked_list

SERVER = pem(certificate("mqtt.clinic.example", ends=NOW + 300 * DAY))
GOOD: dict[str, bytes | None] = {
    "authority": pem(certificate("authority", signer=KEY, key=KEY, authority=True, ends=NOW + 3000 * DAY)),
    "server": SERVER,
    "revocations": None,
}


def said(**files: Any) -> list[str]:
    return list(ending_warnings(endings({**GOOD, "authority": pem(AUTHORITY), **files}), NOW))


def ends_in(days: float, life: float = 3000) -> list[str]:
    return list(ending_warnings([Ending("server", NOW - (life - days) * DAY, NOW + days * DAY)], NOW))


def test_what_is_good_for_long_is_not_spoken_of() -> None:
    assert ends_in(31) == ends_in(31, 100) == []
    assert list(ending_warnings([Ending("revocations", NOW)], NOW)) == []


@pytest.mark.parametrize(("days", "life", "told"), [(30, 400, 1), (3, 7, 0), (2, 7, 1), (25, 90, 1), (29.9, 60, 0)])
def test_it_is_told_a_month_before_and_what_lives_for_less_when_a_third_is_left(
    days: float, life: float, told: int
) -> None:
    assert len(ends_in(days, life)) == told


def test_the_words_name_the_file_and_what_follows() -> None:
    assert ends_in(3) == [
        "broker: the broker's own certificate (server.crt) ends in 3 days, on 25 Nov 2026 12:00 UTC: renew it "
        "(docs/operating/devices/certificates.md)"
    ]
    assert ends_in(-1) == [
        "broker: the broker's own certificate (server.crt) ended on 21 Nov 2026 12:00 UTC: every device is refused at "
        "its next connection"
    ]


def test_a_file_that_cannot_be_read_or_is_another_is_told() -> None:
    assert said(revocations=None, server=b"hello")[-2:] == [
        "broker: the broker's own certificate (server.crt) is not what it should be: expected PEM",
        "broker: the list of revoked certificates (crl.pem) cannot be read",
    ]
    assert said(revocations=b"hello")[-1].endswith("(crl.pem) is not what it should be: expected PEM")


def test_a_list_of_another_authority_refuses_everybody() -> None:
    for pem_of_list in (revoked_list(signer=KEY), revoked_list(issuer="another")):
        *_, found = endings({**GOOD, "authority": pem(AUTHORITY), "revocations": pem_of_list})
        assert found.fault == OF_ANOTHER
        assert found.has_ended(NOW)
    *_, found = endings({**GOOD, "authority": pem(AUTHORITY), "revocations": revoked_list()})
    assert (found.fault, found.ends_at, found.has_ended(NOW)) == (None, NOW + DAY, False)
    # Whose it is nobody can tell where the authority cannot be read, and that is told by itself.
    for unread in (None, b"hello"):
        authority, _, found = endings({**GOOD, "authority": unread, "revocations": revoked_list()})
        assert authority.fault is not None
        assert (found.fault, found.has_ended(NOW)) == (None, False)


def test_of_several_authorities_the_first_to_end_counts() -> None:
    several = pem(AUTHORITY) + pem(certificate("old", authority=True, ends=NOW - DAY))
    assert endings({**GOOD, "authority": several})[0].ends_at == NOW - DAY


def test_what_a_metric_shows() -> None:
    assert Ending("server", NOW, NOW + DAY).seconds(NOW) == timedelta(days=1).total_seconds()
    assert Ending("server", NOW, NOW - DAY).seconds(NOW) == -86_400
    assert Ending("revocations", NOW).seconds(NOW) == inf
    assert Ending("server", fault="cannot be read").seconds(NOW) == -inf
    assert not Ending("server", fault="cannot be read").has_ended(NOW)
