"""Who gives a rota to whom: each change of person is seen once and whole, also on nights when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.people.rota.hand_over import EARLY, hand_over_to_accept, last_hand_over
from services.people.rota.model import Change, ChangeKind, Layer, Rota, Turns
from services.people.rota.turns import on_call

ANN, BEA, CLEO = (UUID(int=number) for number in (1, 2, 3))
WITHIN = timedelta(hours=12)


def rota(*changes: Change, hand_over: str = "08:00", begins: date = date(2026, 3, 2)) -> Rota:
    layer = Layer(name="first", members=(ANN, BEA), begins=begins, hand_over=hand_over, every=1, turns=Turns.DAYS)
    return Rota(clinic_id="north", name="first", timezone="Europe/Berlin", layers=(layer,)).with_changes(*changes)


def override(person: UUID, begins: datetime, ends: datetime) -> Change:
    return Change(
        change_id=uuid4(), kind=ChangeKind.OVERRIDE, person_id=person, begins=begins, ends=ends, made_at=begins
    )


def test_who_comes_takes_over_from_who_leaves() -> None:
    eight = datetime(2026, 3, 3, 7, tzinfo=UTC)  # 08:00 in Berlin
    found = last_hand_over(rota(), eight + timedelta(minutes=5), WITHIN)
    assert found is not None
    assert (found.begins, found.leaving, found.coming) == (eight, ANN, BEA)
    assert found.ends == eight + timedelta(days=1)
    assert last_hand_over(rota(), eight - timedelta(minutes=5), WITHIN) is None, "Ann has it since yesterday morning"


def test_a_change_at_half_past_two_on_the_night_when_the_clocks_go_on() -> None:
    # 29 March 2026: 02:00 in Berlin is followed by 03:00, so 02:30 is not on any clock: the turn begins at 03:00.
    three = datetime(2026, 3, 29, 1, tzinfo=UTC)
    ours = rota(hand_over="02:30", begins=date(2026, 3, 28))
    found = last_hand_over(ours, three, WITHIN)
    assert found is not None
    assert (found.begins, found.leaving, found.coming) == (three, ANN, BEA)
    assert last_hand_over(ours, three - timedelta(seconds=1), WITHIN) is None


def test_somebody_may_take_over_an_hour_before_and_not_earlier() -> None:
    eight = datetime(2026, 3, 3, 7, tzinfo=UTC)
    soon = hand_over_to_accept(rota(), eight - timedelta(minutes=2), WITHIN)
    assert soon is not None
    assert (soon.begins, soon.leaving, soon.coming) == (eight, ANN, BEA)
    assert hand_over_to_accept(rota(), eight - EARLY - timedelta(minutes=1), WITHIN) is None
    over = hand_over_to_accept(rota(), eight + timedelta(hours=2), WITHIN)
    assert over is not None
    assert (over.begins, over.coming) == (eight, BEA)


def test_a_rota_of_one_or_of_nobody_hands_nothing_over() -> None:
    alone = Layer(name="first", members=(ANN,), begins=date(2026, 3, 2), every=1, turns=Turns.DAYS)
    for layers in ((), (alone,)):
        still = Rota(clinic_id="north", name="first", timezone="UTC", layers=layers)
        at = datetime(2026, 3, 10, 9, tzinfo=UTC)
        assert last_hand_over(still, at, WITHIN) is None
        assert hand_over_to_accept(still, at, WITHIN) is None


def test_who_has_it_for_good_ends_far_ahead() -> None:
    eight = datetime(2026, 3, 3, 8, tzinfo=UTC)
    first = Layer(name="first", members=(ANN,), begins=date(2026, 3, 3), every=1, turns=Turns.DAYS)
    ours = Rota(clinic_id="north", name="first", timezone="UTC", layers=(first,))
    for at in (eight + timedelta(minutes=1), eight - timedelta(minutes=1)):
        found = hand_over_to_accept(ours, at, WITHIN)
        assert found is not None
        assert (found.begins, found.leaving, found.coming) == (eight, None, ANN)
        assert found.ends > eight + timedelta(days=390)


@given(
    offsets=st.lists(st.integers(0, 3 * 24 * 60), min_size=2, max_size=6),
    people=st.lists(st.sampled_from([ANN, BEA, CLEO]), min_size=3, max_size=3),
    looks=st.lists(st.integers(1, 6 * 60), min_size=10, max_size=40),
)
def test_whenever_somebody_looks_each_change_that_lasts_is_seen_once(
    offsets: list[int], people: list[UUID], looks: list[int]
) -> None:
    start = datetime(2026, 3, 27, 12, tzinfo=UTC)
    moments = sorted(start + timedelta(minutes=each) for each in offsets)
    changes = [
        override(person, begins, ends)
        for person, begins, ends in zip(people, moments, moments[1:], strict=False)
        if begins < ends
    ]
    ours = rota(*changes, begins=date(2026, 3, 20))
    seen: dict[datetime, tuple[UUID | None, UUID | None]] = {}
    now = start
    for minutes in looks:
        now += timedelta(minutes=minutes)
        found = last_hand_over(ours, now, WITHIN)
        if found is None:
            assert all(on_call(ours, now - timedelta(minutes=each)) == on_call(ours, now) for each in range(0, 720, 7))
            continue
        assert found.begins <= now < found.ends
        assert (found.leaving, found.coming) == (
            on_call(ours, found.begins - timedelta(seconds=1)),
            on_call(ours, found.begins),
        )
        assert found.leaving != found.coming
        assert seen.setdefault(found.begins, (found.leaving, found.coming)) == (found.leaving, found.coming)
