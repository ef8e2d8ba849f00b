"""Who has a page kept true: nobody takes another's place, and of one's own the oldest gives way."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.live.event import Why
from services.alerts.web.live.seats import OF_A_BROWSER, OF_A_PERSON, Seat, Seats

who = st.tuples(st.integers(1, 4), st.integers(1, 3))


def seat(person: int, browser: int = 1) -> Seat:
    return Seat(UUID(int=person), f"{person}-{browser}", frozenset({"north"}))


@given(st.lists(who, max_size=60), st.integers(1, 20))
def test_no_bound_is_ever_passed(coming: list[tuple[int, int]], most: int) -> None:
    seats = Seats(most)
    for person, browser in coming:
        mine, before = seat(person, browser), list(seats)
        leaving = seats.take(mine)
        if leaving is None:
            assert list(seats) == before
            assert len(before) == most
            continue
        assert {each.person_id for each in leaving} <= {mine.person_id}, "nobody else's"
        assert all(each.ended is Why.ENOUGH for each in leaving)
        assert mine in set(seats)
        assert len(seats) <= most
        for name in {each.person_id for each in seats}:
            assert sum(each.person_id == name for each in seats) <= OF_A_PERSON
        for session in {each.session for each in seats}:
            assert sum(each.session == session for each in seats) <= OF_A_BROWSER


def test_the_oldest_of_a_browser_gives_way() -> None:
    seats = Seats(100)
    mine = [seat(1) for _ in range(OF_A_BROWSER + 1)]
    assert [seats.take(each) for each in mine] == [(), (), (), (), (mine[0],)]
    assert list(seats) == mine[1:]


def test_the_oldest_of_a_person_gives_way() -> None:
    seats = Seats(100)
    mine = [seat(1, browser) for browser in range(OF_A_PERSON + 1)]
    assert [seats.take(each) for each in mine][-1] == (mine[0],)


def test_a_place_is_given_back_once() -> None:
    seats, mine = Seats(1), seat(1)
    assert seats.take(mine) == ()
    assert seats.take(seat(2)) is None
    seats.leave(mine)
    seats.leave(mine)
    assert seats.take(seat(2)) == ()
