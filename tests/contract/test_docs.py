"""The guides say what is true: examples are accepted, and every kind, field, reason and setting is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, MODEL_BY_KIND, EventKind, RejectionReason
from schemas.paths import PUBLISHED_FOLDER
from schemas.topics import ROOT
from services.alerts.metrics import Metrics as AlertsMetrics
from services.alerts.settings import AlertsSettings
from services.ingest.metrics import IngestMetrics
from services.ingest.settings import IngestSettings

ROOT_FOLDER = Path(__file__).parents[2]
DEVICES = (ROOT_FOLDER / "docs" / "devices.md").read_text()
OPERATING = (ROOT_FOLDER / "docs" / "operating.md").read_text()
EXAMPLES: list[Any] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DEVICES, re.DOTALL)]
SECTIONS: dict[str, str] = {
    match[1]: match[2] for match in re.finditer(r"### `(\w+)`(.*?)(?=\n##)", DEVICES, re.DOTALL)
}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PUBLISHED_FOLDER / f"{name}.schema.json").read_text())
    return found


@pytest.mark.parametrize("kind", EventKind)
def test_each_kind_is_explained_with_every_field_and_an_example_that_is_accepted(kind: EventKind) -> None:
    section = SECTIONS[kind.value]
    for name, field in MODEL_BY_KIND[kind].model_fields.items():
        if name not in {"event_id", "observed_at", "seq", "kind"}:
            assert f"`{field.alias or name}`" in section, name
    [example] = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    MODEL_BY_KIND[kind].model_validate_json(example)


@pytest.mark.parametrize("kind", EventKind)
def test_every_value_and_bound_of_the_schema_is_in_the_guide(kind: EventKind) -> None:
    section = SECTIONS[kind.value].replace(",", "")
    for definition in (schema(kind.value), *schema(kind.value).get("$defs", {}).values()):
        for value in definition.get("enum", ()):
            assert f"`{value}`" in section
        for name, field in definition.get("properties", {}).items():
            if name in {"event_id", "observed_at", "seq", "kind"}:
                continue
            for rule in (field, *field.get("anyOf", ())):
                for bound in ("maximum", "maxLength", "maxItems"):
                    assert str(rule.get(bound, "")).removesuffix(".0") in section, f"{name}: {bound}"


def test_receipts_and_batches_of_the_guide_are_as_published() -> None:
    receipts = [example for example in EXAMPLES if isinstance(example, dict) and "stored" in example]
    batches = [example for example in EXAMPLES if isinstance(example, list)]
    assert len(receipts) == 2
    assert len(batches) == 1
    for receipt in receipts:
        Draft202012Validator(schema("receipt")).validate(receipt)
    for batch in batches:
        Draft202012Validator(schema("batch")).validate(batch)


def test_every_reason_has_a_line_that_says_what_to_do() -> None:
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", DEVICES.partition("## 6. Reasons")[2], re.MULTILINE)
    assert sorted(told) == sorted(RejectionReason)


def test_limits_of_the_guide_are_the_ones_in_the_code() -> None:
    defaults = {name: field.default for name, field in IngestSettings.model_fields.items()}
    assert f"{MAX_PAYLOAD_BYTES:,}" in DEVICES
    assert f"up to {MAX_BATCH_EVENTS} events" in DEVICES
    assert f"more than {defaults['clock_ahead_hours']} hours ahead" in " ".join(DEVICES.split())
    assert f"more than {defaults['clock_behind_days']} days behind" in " ".join(DEVICES.split())
    assert f"{ROOT}/{{device_id}}/events/{{kind}}" in DEVICES


@pytest.mark.parametrize("guide", ["devices.md", "operating.md"])
def test_every_link_and_path_of_a_guide_is_there(guide: str) -> None:
    text = (ROOT_FOLDER / "docs" / guide).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT_FOLDER / "docs" / target).exists(), target
    for path in re.findall(r"(?<![\w/.])(?:deploy|schemas|services|tests)/[\w./-]+", text):
        if not path.startswith(("deploy/secrets/", "services/ingest-")):  # made there; a client id
            assert (ROOT_FOLDER / path.rstrip("./")).exists(), path


def test_every_setting_that_a_guide_names_is_one() -> None:
    example = (ROOT_FOLDER / ".env.example").read_text()
    known = {f"INGEST_{name}".upper() for name in IngestSettings.model_fields}
    known |= {f"ALERTS_{name}".upper() for name in AlertsSettings.model_fields}
    for name in re.findall(r"`((?:[A-Z]+_)+[A-Z]+)(?:=[^`]*)?`", OPERATING):
        assert re.search(rf"^#?{name}=", example, re.MULTILINE) or name in known, name


def test_every_metric_that_a_guide_names_is_one() -> None:
    registry = CollectorRegistry()
    IngestMetrics.on(registry)
    AlertsMetrics.on(registry)
    known = set(registry._names_to_collectors)
    assert set(re.findall(r"pumpwatch_(?:ingest|alerts)_\w+", OPERATING)) <= known
