"""Which addresses no page can be sent to; Apprise's own parser says so."""

from __future__ import annotations

import io
import logging

import pytest

from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.delivery.addresses import channel_fault, reach_of

ENVIRONMENT = {"GOOD": "json://example.org/s3cret", "BAD": "tgram://s3cret", "EMPTY": ""}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("json://example.org/s3cret", None),
        ("mailto://ann:s3cret@example.org", None),
        ("ntfys://s3cret", None),
        ("env:GOOD", None),
        ("env:NOT_SET", "the variable NOT_SET is not set"),
        ("env:EMPTY", "the variable EMPTY is not set"),
        ("env:BAD", "env:BAD holds no address that Apprise understands"),
        ("pagerr://s3cret", "pagerr://... is no address that Apprise understands"),
        ("mailto://s3cret", "mailto://... is no address that Apprise understands"),
        ("s3cret s3cret://x", "the address is no address that Apprise understands"),
        ("json://a.example/s3cret, json://b.example", "json://... is an address of 2 receivers"),
    ],
)
def test_apprise_decides_what_an_address_is_and_no_secret_is_told(url: str, words: str | None) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)  # what a process would write: the handler of the root
    logging.getLogger().addHandler(handler)
    fault = channel_fault(Channel(name="sms", url=url), ENVIRONMENT)
    logging.getLogger().removeHandler(handler)
    assert (fault is None) == (words is None)
    if fault is not None and words is not None:
        assert words in fault
        assert "expected" in fault
        assert "s3cret" not in fault
    assert "s3cret" not in written.getvalue()


def contact(name: str, *urls: str, channel: str | None = None) -> Contact:
    channels = tuple(Channel(name=channel or f"channel {number}", url=url) for number, url in enumerate(urls))
    return Contact(name=name, channels=channels)


def policy_of(*contacts: Contact, steps: tuple[tuple[str, ...], ...]) -> Policy:
    route = Route(steps=tuple(EscalationStep(after_minutes=0, contacts=names) for names in steps))
    return Policy(contacts=contacts, routes={Priority.HIGH: route})


def test_a_step_in_which_nobody_can_be_told_is_named() -> None:
    policy = policy_of(
        contact("nurse", "env:NOT_SET", "env:GOOD"),
        contact("doctor", "env:NOT_SET"),
        contact("ward", "pagerr://x"),
        steps=(("nurse", "doctor"), ("doctor", "ward")),
    )
    reach = reach_of(policy, ENVIRONMENT)
    assert [each.place for each in reach.faults] == [
        ("contacts", 0, "channels", 0, "url"),
        ("contacts", 1, "channels", 0, "url"),
        ("contacts", 2, "channels", 0, "url"),
    ]
    [step] = reach.nobody
    assert step.place == ("routes", "high", "steps", 1)
    assert "nobody can be told in this step of high, the last step: no usable address of doctor, ward" in step.fault


def test_the_second_channel_of_one_name_is_named_because_no_page_uses_it() -> None:
    policy = policy_of(contact("nurse", "json://a", "json://b", channel="sms"), steps=(("nurse",),))
    reach = reach_of(policy, ENVIRONMENT)
    [fault] = reach.faults
    assert fault.place == ("contacts", 0, "channels", 1, "url")
    assert "nurse has a channel of this name before" in fault.fault
    assert reach.nobody == ()
