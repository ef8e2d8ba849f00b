"""Messages that version 1 accepts and refuses, for good: the models and the published schemas agree on each.

A golden file is never edited to make a change pass. A message that was accepted once is accepted as long as
there are devices that speak version 1; a new rule needs a new topic root.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas.events import MODEL_BY_KIND, AnyEvent, EventKind, RejectionReason
from schemas.paths import PUBLISHED_FOLDER
from services.ingest.messages.decode import ClockLimits, Decoded, decode
from services.ingest.messages.whose import Enrolment

GOLDEN = Path(__file__).parent / "golden" / "v1"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}


def cases(side: str) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}: {case['name']}") for name, sides in FILES.items() for case in sides[side]
    ]


def published_faults(name: str, payload: Any) -> set[str]:
    """Places that the published schema finds fault with; of a choice, in any of its branches."""
    schema = json.loads((PUBLISHED_FOLDER / f"{name}.schema.json").read_text())
    faults: set[str] = set()
    todo = list(Draft202012Validator(schema).iter_errors(payload))
    while todo:
        error = todo.pop()
        place = [str(level) for level in error.absolute_path]
        if error.validator == "required":
            known = {str(level) for level in error.instance}
            faults |= {".".join([*place, field]) for field in error.validator_value if field not in known}
        else:
            faults.add(".".join(place))
        todo.extend(error.context or ())
    return faults


def model_faults(name: str, payload: Any) -> set[str]:
    if name == "batch":
        return {
            ".".join([str(index), fault]).rstrip(".")
            for index, event in enumerate(payload)
            for fault in _faults_of_one(None, event)
        } or ({""} if not payload else set())
    return _faults_of_one(EventKind(name), payload)


def _faults_of_one(kind: EventKind | None, payload: Any) -> set[str]:
    text = json.dumps(payload)
    try:
        if kind is None:
            AnyEvent.validate_json(text)
        else:
            MODEL_BY_KIND[kind].model_validate_json(text)
    except ValidationError as error:
        tags = {member.value for member in EventKind} if kind is None else set()
        return {_place(fault, tags) for fault in error.errors()}
    return set()


def _place(fault: Any, tags: set[str]) -> str:
    if fault["type"].startswith("union_tag"):
        return "kind"
    levels = [str(level) for level in fault["loc"]]
    return ".".join(levels[1:] if levels and levels[0] in tags else levels)


def test_every_kind_and_the_batch_have_golden_messages() -> None:
    assert FILES.keys() == {kind.value for kind in EventKind} | {"batch"}


@pytest.mark.parametrize(("name", "case"), cases("valid"))
def test_accepted_by_model_and_schema(name: str, case: dict[str, Any]) -> None:
    assert model_faults(name, case["payload"]) == set()
    assert published_faults(name, case["payload"]) == set()


@pytest.mark.parametrize(("name", "case"), cases("invalid"))
def test_refused_by_model_and_schema_at_the_same_field(name: str, case: dict[str, Any]) -> None:
    RejectionReason(case["reason"])
    # An event that is no object at all has no field to name: the model faults the whole of it.
    assert case["field"] in {place.removesuffix(".") for place in model_faults(name, case["payload"])}
    if case.get("json_schema") == "cannot say it":
        assert published_faults(name, case["payload"]) == set()
    else:
        assert case["field"] in published_faults(name, case["payload"])


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes


def ingested(name: str, payload: Any) -> Decoded:
    """What ingest makes of the message, a day after it was observed."""
    message = Message(f"pumpwatch/v1/d/events/{name}", json.dumps(payload).encode())
    wide = ClockLimits(ahead=timedelta(days=365), behind=timedelta(days=365))
    return decode([message], {"d": Enrolment("clinic", "pump")}, now=datetime(2026, 11, 23, tzinfo=UTC), clock=wide)


@pytest.mark.parametrize(("name", "case"), cases("valid"))
def test_ingest_takes_what_is_published_as_valid(name: str, case: dict[str, Any]) -> None:
    decoded = ingested(name, case["payload"])
    assert decoded.rejections == []
    assert decoded.events == (len(case["payload"]) if name == "batch" else 1)


@pytest.mark.parametrize(("name", "case"), cases("invalid"))
def test_ingest_refuses_it_for_the_published_reason_and_names_the_field(name: str, case: dict[str, Any]) -> None:
    [rejection] = ingested(name, case["payload"]).rejections
    assert rejection.reason == case["reason"]
    field = case["field"].rsplit(".", 1)[-1]
    assert field.isdigit() or field in rejection.detail
