"""A time or a date is published as what it is, whatever is done to read it strictly."""

from __future__ import annotations

from schemas.events import Therapy


def test_a_date_and_a_time_are_published_with_their_format() -> None:
    properties = Therapy.model_json_schema()["properties"]
    assert properties["observed_at"]["format"] == "date-time"
    assert [each.get("format") for each in properties["refill_due"]["anyOf"]] == ["date", None]
