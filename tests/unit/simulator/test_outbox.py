"""The device's log: a message stays until its receipt, whatever order things happen in."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.events import Receipt, RejectedEvent, RejectionReason
from services.simulator.devices.outbox import Counts, Outbox


def sent_at(outbox: Outbox, now: float) -> list[int]:
    """Send all that is due."""
    numbers = []
    while (message := outbox.next_due(now)) is not None:
        outbox.sent(message, now)
        numbers.append(message.number)
    return numbers


def test_new_messages_are_due_at_once_and_again_after_a_doubling_time():
    outbox = Outbox(10.0)
    assert outbox.seconds_until_due(0.0) is None
    outbox.add("pump-1", "t", b"x", 1)
    assert outbox.seconds_until_due(0.0) == 0.0
    assert sent_at(outbox, 0.0) == [1]
    assert outbox.seconds_until_due(4.0) == 6.0
    assert sent_at(outbox, 9.9) == []
    assert sent_at(outbox, 10.0) == [1]
    assert sent_at(outbox, 29.0) == []
    assert sent_at(outbox, 30.0) == [1]
    assert outbox.counts.resent == 2


def test_a_lost_connection_makes_everything_due_in_order():
    outbox = Outbox(10.0)
    for _ in range(5):
        outbox.add("pump-1", "t", b"x", 1)
    assert sent_at(outbox, 0.0) == [1, 2, 3, 4, 5]
    outbox.acknowledge(2, Receipt(stored=1, duplicates=0))
    outbox.connection_lost()
    assert sent_at(outbox, 1.0) == [1, 3, 4, 5]


def test_a_message_with_a_receipt_is_never_due_again():
    outbox = Outbox(10.0)
    for _ in range(3):
        outbox.add("pump-1", "t", b"x", 2)
    assert sent_at(outbox, 0.0) == [1, 2, 3]
    assert outbox.outstanding_events == 6
    outbox.acknowledge(1, Receipt(stored=2, duplicates=0))
    assert sent_at(outbox, 10.0) == [2, 3]
    outbox.connection_lost()
    outbox.acknowledge(2, Receipt(stored=2, duplicates=0))
    assert sent_at(outbox, 11.0) == [3]


def test_counts_of_connections_add_up():
    total = Counts(published=3, stored=2, outstanding=1) + Counts(published=4, duplicates=4)
    assert total == Counts(published=7, stored=2, duplicates=4, outstanding=1)


def test_rejections_are_counted_and_kept():
    outbox = Outbox(10.0)
    outbox.add("pump-1", "t", b"x", 3)
    outbox.add("pump-2", "t", b"x", 4)
    one = RejectedEvent(index=1, reason=RejectionReason.CLOCK_AHEAD, detail="90 minutes")
    whole = RejectedEvent(index=None, reason=RejectionReason.UNKNOWN_DEVICE, detail="pump-2")
    assert outbox.acknowledge(1, Receipt(stored=1, duplicates=1, rejected=(one,)))
    assert outbox.acknowledge(2, Receipt(stored=0, duplicates=0, rejected=(whole,)))
    assert outbox.acknowledge(2, Receipt(stored=4, duplicates=0)) is None
    counts = outbox.counts
    assert (counts.published, counts.stored, counts.duplicates, counts.rejected) == (7, 1, 1, 5)
    assert [rejection.rejected.detail for rejection in outbox.rejections] == ["90 minutes", "pump-2"]
    outbox.refused()
    assert outbox.counts.refused == 1


def test_refused_events_that_a_receipt_has_no_room_to_list_are_counted():
    outbox = Outbox(10.0)
    outbox.add("pump-1", "t", b"x", 500)
    one = RejectedEvent(index=1, reason=RejectionReason.CLOCK_AHEAD, detail="")
    assert outbox.acknowledge(1, Receipt(stored=1, duplicates=0, rejected=(one,), not_listed=498))
    assert outbox.counts.rejected == 499


class OutboxMachine(RuleBasedStateMachine):
    """Adds, sends, receipts, lost connections and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(5.0)
        self.now = 0.0
        self.open: dict[int, int] = {}
        self.added = 0

    @rule(events=st.integers(1, 5))
    def add(self, events: int) -> None:
        self.open[self.outbox.add("d", "t", b"", events).number] = events
        self.added += events

    @rule()
    def send_one(self) -> None:
        message = self.outbox.next_due(self.now)
        if message is not None:
            assert message.number in self.open
            self.outbox.sent(message, self.now)

    @rule(number=st.integers(1, 40))
    def receipt(self, number: int) -> None:
        events = self.open.pop(number, None)
        message = self.outbox.acknowledge(number, Receipt(stored=events or 1, duplicates=0))
        assert (message is None) == (events is None)

    @rule(seconds=st.floats(0, 200))
    def time_goes_on(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def lost(self) -> None:
        self.outbox.connection_lost()

    @rule()
    def everything_comes_again(self) -> None:
        """After the longest wait, each open message is due, exactly once."""
        self.now += 5.0 * 2**4
        assert sorted(sent_at(self.outbox, self.now)) == sorted(self.open)

    @invariant()
    def nothing_is_lost(self) -> None:
        counts = self.outbox.counts
        assert counts.published == self.added == counts.stored + counts.outstanding
        assert counts.outstanding == sum(self.open.values())
        assert len(self.outbox) == len(self.open)
        due = self.outbox.seconds_until_due(self.now)
        assert (due is None) == (not self.open)


TestOutbox = OutboxMachine.TestCase
