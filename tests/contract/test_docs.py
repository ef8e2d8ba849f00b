"""The guides say what is true: examples are accepted, and every kind, field, reason and setting is there."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, MODEL_BY_KIND, EventKind, RejectionReason
from schemas.paths import PUBLISHED_FOLDER
from schemas.topics import MAX_RECEIPT_TOPIC_BYTES, MAX_RECEIPT_TOPIC_LEVELS, ROOT
from services.alerts.metrics import Metrics as AlertsMetrics
from services.alerts.settings import AlertsSettings
from services.alerts.web.metrics import WebMetrics
from services.alerts.web.settings import WebSettings
from services.commands.terminal import FILE_VARIABLE
from services.ingest.metrics import IngestMetrics
from services.ingest.settings import IngestSettings
from tests.contract.deploy.compose_file import PRODUCTION, read
from tests.contract.prose import FOLDERS, ROOT_FOLDER, texts

DEVICES = (ROOT_FOLDER / "docs" / "devices.md").read_text()
OPERATING = "\n".join(path.read_text() for path in sorted((ROOT_FOLDER / "docs").glob("operating/**/*.md")))
EXAMPLES: list[Any] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DEVICES, re.DOTALL)]
DOMAIN = (ROOT_FOLDER / "docs" / "domain.md").read_text()
PAGES = sorted(
    path.relative_to(ROOT_FOLDER).as_posix() for path in [*ROOT_FOLDER.glob("*.md"), *ROOT_FOLDER.glob("docs/**/*.md")]
)
MADE_LATER = ("deploy/secrets", "services/ingest-")
"""A folder that `deploy/init-secrets` makes; the names of ingest's processes at the broker."""
MOVED_SINCE = frozenset({"schemas/sql/0009_losses_and_clocks.sql: services/ingest/sequence.py"})
"""A released migration is never edited, so it names a module where it was: now services/ingest/messages/sequence.py."""
_PATH = re.compile(rf"(?<![\w/.$~-])((?:{'|'.join(FOLDERS)})/[\w./*-]+)")
_MODULE = re.compile(r"(?<![\w/.-])((?:bench|deploy|schemas|services|tests)(?!\.acl\b)(?:\.[A-Za-z_]\w*)+)")
_SECTION = re.compile(r"`?(docs/[\w/-]+\.md)`?,? sections? (\d+)(?: and (\d+))?")
SECTIONS: dict[str, str] = {
    match[1]: match[2] for match in re.finditer(r"### `(\w+)`(.*?)(?=\n##)", DEVICES, re.DOTALL)
}


@cache
def prose() -> tuple[tuple[str, str], ...]:
    return tuple(texts())


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
    assert len(receipts) == 3
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
    assert f"at most {MAX_RECEIPT_TOPIC_LEVELS} levels" in DEVICES
    assert f"at most {MAX_RECEIPT_TOPIC_BYTES} bytes" in DEVICES
    assert f"more than {defaults['clock_ahead_hours']} hours ahead" in " ".join(DEVICES.split())
    assert f"more than {defaults['clock_behind_days']} days behind" in " ".join(DEVICES.split())
    assert f"{ROOT}/{{device_id}}/events/{{kind}}" in DEVICES


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT_FOLDER / page).read_text()):
        assert (ROOT_FOLDER / page).parent.joinpath(target).exists(), target


def test_every_path_that_anything_names_is_there() -> None:
    lost = [f"{where}: {path}" for where, said in prose() for path in _PATH.findall(said) if not _is_there(path)]
    assert set(lost) <= MOVED_SINCE, "\n".join(lost)


def test_every_module_that_anything_names_is_there() -> None:
    lost = [f"{where}: {name}" for where, said in prose() for name in _MODULE.findall(said) if not _is_module(name)]
    assert not lost, "\n".join(lost)


def test_every_section_of_a_page_that_anything_names_is_there() -> None:
    named = [
        (where, page, number)
        for where, said in prose()
        for page, *numbers in _SECTION.findall(said)
        for number in numbers
        if number
    ]
    assert len(named) > 50
    lost = [each for each in named if f"\n## {each[2]}. " not in (ROOT_FOLDER / each[1]).read_text()]
    assert not lost


@pytest.mark.parametrize(
    ("named", "told", "at_least"),
    [
        (r'rows? "([^"]+)"', r"^\| ([^|]+) \|", 8),
        (r"recipe \((\w)\)", r"^- \*\*\((\w)\)\*\*", 5),
        (r"section 8 items? (\d+)", r"^(\d+)\. ", 5),
        (r"(?<!\w)\[(\d+)\]", r"^- \[(\d+)\] ", 10),
    ],
    ids=["row", "letter", "item", "source"],
)
def test_what_code_quotes_of_the_domain_is_there(named: str, told: str, at_least: int) -> None:
    there = re.findall(told, DOMAIN, re.MULTILINE)
    quoted = [
        (where, name) for where, said in prose() if _quotes_domain(where, said) for name in re.findall(named, said)
    ]
    assert len(quoted) >= at_least
    assert not [each for each in quoted if each[1] not in there]


def test_every_source_of_the_domain_is_cited_and_listed_once() -> None:
    text, _, listed = DOMAIN.partition("## Sources")
    sources = re.findall(r"^- \[(\d+)\] ", listed, re.MULTILINE)
    assert len(sources) == len(set(sources))
    assert set(re.findall(r"\[(\d+)\]", text)) == set(sources)


def _quotes_domain(where: str, said: str) -> bool:
    return where.endswith(".py") and "docs/domain.md section" in said


def _is_there(path: str) -> bool:
    path = path.rstrip("./-")
    if path.startswith(MADE_LATER):
        return True
    if re.fullmatch(r"docs/decisions/\d{4}", path):
        path += "-*.md"
    return any(ROOT_FOLDER.glob(path))


def _is_module(name: str) -> bool:
    """A package, a module, or something that one of them defines or names."""
    path = ROOT_FOLDER.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    homes = (path.parent.with_suffix(".py"), path.parent / "__init__.py")
    return any(home.exists() and re.search(rf"\b{path.name}\b", home.read_text()) for home in homes)


def test_every_setting_that_a_guide_names_is_one() -> None:
    example = (ROOT_FOLDER / ".env.example").read_text()
    known = {f"INGEST_{name}".upper() for name in IngestSettings.model_fields}
    known |= {f"ALERTS_{name}".upper() for name in AlertsSettings.model_fields}
    known |= {f"WEB_{name}".upper() for name in WebSettings.model_fields}
    known |= read(PRODUCTION)["secrets"].keys() | {FILE_VARIABLE, "DATABASE_URL"}
    for name in re.findall(r"`((?:[A-Z]+_)+[A-Z]+)(?:=[^`]*)?`", OPERATING):
        assert re.search(rf"^#?{name}=", example, re.MULTILINE) or name in known, name


def test_every_metric_that_a_guide_names_is_one() -> None:
    registry = CollectorRegistry()
    IngestMetrics.on(registry)
    AlertsMetrics.on(registry)
    WebMetrics.on(registry)
    known = set(registry._names_to_collectors)
    assert set(re.findall(r"pumpwatch_(?:ingest|alerts|web)_\w+", OPERATING)) <= known


def test_before_a_commit_runs_what_continuous_integration_runs() -> None:
    [local] = yaml.safe_load((ROOT_FOLDER / ".pre-commit-config.yaml").read_text())["repos"]
    assert (local["repo"], [hook["entry"] for hook in local["hooks"]]) == ("local", ["make check"])
    assert "\nmake check\n" in (ROOT_FOLDER / ".ci" / "run").read_text()
