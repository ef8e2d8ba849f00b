"""The published documents are what the models say, and say it in a form that any validator understands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from schemas import publish
from schemas.events import MODEL_BY_KIND, AnyEvent, EventKind, Receipt, RejectedEvent, RejectionReason
from schemas.examples import BATCH, EVENTS, POLICY, RECEIPT, RECEIPT_OF_A_BATCH
from schemas.paths import PUBLISHED_FOLDER
from schemas.policy import Policy

ALSO = ("event", "batch", "receipt", "policy", "webhook", "webhook-data")
SCHEMAS = sorted(name for name in publish.documents() if name.endswith(".schema.json"))


def test_published_files_are_what_the_models_say() -> None:
    assert publish.drifted(PUBLISHED_FOLDER) == ()


def test_generating_twice_gives_the_same_bytes() -> None:
    assert publish.documents() == publish.documents()


def test_check_names_the_file_that_drifted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "published"
    assert publish.main([], folder) == 0
    (folder / "bolus.schema.json").write_text("{}")
    (folder / "alarm.schema.json").unlink()
    (folder / "gone.schema.json").write_text("{}")
    assert publish.main(["--check"], folder) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in said] == [
        "published/alarm.schema.json: is missing",
        "published/bolus.schema.json: differs from the models",
        "published/gone.schema.json: is not generated from any model",
    ]
    assert all("python -m schemas.publish" in line for line in said)


def test_writing_again_mends_the_folder(tmp_path: Path) -> None:
    (tmp_path / "gone.schema.json").write_text("{}")
    assert publish.main([], tmp_path) == 0
    assert publish.main(["--check"], tmp_path) == 0


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    assert publish.main(["--chek"], tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


def test_there_is_a_schema_for_every_message() -> None:
    named = {f"{kind.value}.schema.json" for kind in EventKind}
    assert set(SCHEMAS) == named | {f"{n}.schema.json" for n in ALSO}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_draft_2020_12_schema_and_accepts_its_examples(name: str) -> None:
    schema = json.loads((PUBLISHED_FOLDER / name).read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["examples"]
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("name", publish.documents())
def test_published_text_does_not_point_at_papers_that_a_device_maker_lacks(name: str) -> None:
    assert "docs/" not in (PUBLISHED_FOLDER / name).read_text()


@pytest.mark.parametrize("kind", EventKind)
def test_the_models_accept_the_examples(kind: EventKind) -> None:
    event = MODEL_BY_KIND[kind].model_validate_json(json.dumps(EVENTS[kind]))
    assert event.kind is kind


def test_the_models_accept_the_examples_of_batch_receipt_and_policy() -> None:
    assert [AnyEvent.validate_json(json.dumps(event)).kind.value for event in BATCH] == [
        event["kind"] for event in BATCH
    ]
    for receipt in (RECEIPT, RECEIPT_OF_A_BATCH):
        assert json.loads(Receipt.model_validate_json(json.dumps(receipt)).model_dump_json()) == receipt
    assert Policy.model_validate(POLICY).clinic_id == "north"


def test_every_receipt_that_can_be_sent_is_as_published() -> None:
    schema = json.loads((PUBLISHED_FOLDER / "receipt.schema.json").read_text())
    for reason in RejectionReason:
        receipt = Receipt(stored=0, duplicates=0, rejected=(RejectedEvent(reason=reason, detail="why"),))
        Draft202012Validator(schema).validate(json.loads(receipt.model_dump_json()))


def test_the_default_policy_is_as_published() -> None:
    schema = json.loads((PUBLISHED_FOLDER / "policy.schema.json").read_text())
    default: Any = TypeAdapter(Policy).dump_python(Policy(), mode="json")
    Draft202012Validator(schema).validate(default)
