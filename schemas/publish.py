"""Generate `schemas/published/`: JSON Schema (draft 2020-12) and an AsyncAPI 3.0 document, from the models.

Guarantees: the same models give the same bytes; what validates against a published schema is accepted by the
model of the same name, except where a description says which further rule holds.

    python -m schemas.publish            write the files
    python -m schemas.publish --check    fail, and name the file, when one is not what the models say
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from schemas.asyncapi import asyncapi_document
from schemas.events import MAX_BATCH_EVENTS, MODEL_BY_KIND, Receipt
from schemas.examples import BATCH, EVENTS, POLICY, RECEIPT, RECEIPT_OF_A_BATCH, WEBHOOK
from schemas.paths import PUBLISHED_FOLDER
from schemas.policy import Policy
from schemas.webhooks.event import WebhookEvent

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REGENERATE: Final = "run `python -m schemas.publish` and commit what it writes"

# A validator need not check `format`; a pattern it must. Each is narrower than what the models accept.
_PATTERN_BY_FORMAT: Final = {
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "date": r"^(20[0-9]{2}|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",  # every date is a `CalendarDate`
    "date-time": (
        r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
    ),
}
_INTERNAL_REFERENCE: Final = re.compile(r"\s*\(docs/(?:[^()]|\([^()]*\))*\)")


_Model: TypeAlias = tuple[type[BaseModel], JsonSchemaMode]


class _Generator(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (the name is the base class's)
        return False


def wire_definitions(ref_template: str) -> dict[str, Any]:
    """Describe every event, `Event` (any of them, with its kind), `Batch` and `Receipt`, by name.

    Args:
        ref_template: How one definition points to another, with `{model}` for the name.
    """
    models: list[_Model] = [(model, "validation") for model in MODEL_BY_KIND.values()]
    definitions = _definitions([*models, (Receipt, "serialization")], ref_template)
    for kind, model in MODEL_BY_KIND.items():
        definitions[model.__name__]["examples"] = [EVENTS[kind]]
    # Inside a batch nothing but the event itself can say its kind, so there it must.
    definitions["Event"] = {
        "title": "Event",
        "description": "An event of any kind, which says its kind.",
        "type": "object",
        "required": ["kind"],
        "oneOf": [{"$ref": ref_template.format(model=model.__name__)} for model in MODEL_BY_KIND.values()],
        "examples": BATCH[:1],
    }
    definitions["Batch"] = {
        "title": "Batch",
        "description": f"Up to {MAX_BATCH_EVENTS} events in one message. Each is judged by itself: one "
        "that is refused does not hold up the others.",
        "type": "array",
        "items": {"$ref": ref_template.format(model="Event")},
        "minItems": 1,
        "maxItems": MAX_BATCH_EVENTS,
        "examples": [BATCH],
    }
    definitions["Receipt"]["examples"] = [RECEIPT, RECEIPT_OF_A_BATCH]
    return definitions


def policy_definitions(ref_template: str) -> dict[str, Any]:
    """Describe the clinic's policy file and its parts, by name."""
    definitions = _definitions([(Policy, "validation")], ref_template)
    definitions["Policy"]["examples"] = [POLICY]
    return definitions


def webhook_definitions(ref_template: str) -> dict[str, Any]:
    """Describe what a signed webhook carries and its parts, by name."""
    definitions = _definitions([(WebhookEvent, "serialization")], ref_template)
    definitions["WebhookEvent"]["examples"] = [WEBHOOK]
    definitions["WebhookData"]["examples"] = [WEBHOOK["data"]]
    return definitions


def documents() -> dict[str, str]:
    """Build every published file: name to text."""
    wire = wire_definitions("#/$defs/{model}")
    files = {
        f"{kind.value}.schema.json": _standalone(model.__name__, wire, f"events:{kind.value}")
        for kind, model in MODEL_BY_KIND.items()
    }
    files["event.schema.json"] = _standalone("Event", wire, "events:any")
    files["batch.schema.json"] = _standalone("Batch", wire, "events:batch")
    files["receipt.schema.json"] = _standalone("Receipt", wire, "receipt")
    files["policy.schema.json"] = _standalone("Policy", policy_definitions("#/$defs/{model}"), "policy")
    webhook = webhook_definitions("#/$defs/{model}")
    files["webhook.schema.json"] = _standalone("WebhookEvent", webhook, "webhook")
    files["webhook-data.schema.json"] = _standalone("WebhookData", webhook, "webhook-data")
    texts = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in files.items()}
    asyncapi = asyncapi_document(wire_definitions("#/components/schemas/{model}"))
    texts["asyncapi.yaml"] = as_yaml(asyncapi)
    return texts


def as_yaml(document: Mapping[str, Any]) -> str:
    """A document for people and generators of code, in the order in which it was made."""
    return yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=100)


def drifted(folder: Path) -> tuple[str, ...]:
    """Say what is wrong with each file of `folder` that is not what the models say; empty when all are."""
    wanted = documents()
    present = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    faults = [f"{name}: is missing" for name in wanted.keys() - present]
    faults += [f"{name}: is not generated from any model" for name in present - wanted.keys()]
    faults += [
        f"{name}: differs from the models"
        for name in wanted.keys() & present
        if (folder / name).read_text(encoding="utf-8") != wanted[name]
    ]
    return tuple(f"{folder.name}/{fault}; {_REGENERATE}" for fault in sorted(faults))


def main(arguments: list[str], folder: Path = PUBLISHED_FOLDER) -> int:
    """Write the files, or check them; the exit status is 1 when they have drifted."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m schemas.publish [--check]\n")
        return 2
    if arguments:
        faults = drifted(folder)
        sys.stderr.writelines(f"{fault}\n" for fault in faults)
        return 1 if faults else 0
    folder.mkdir(exist_ok=True)
    wanted = documents()
    for path in folder.iterdir():
        if path.is_file() and path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


def _definitions(models: list[_Model], ref_template: str) -> dict[str, Any]:
    _, schema = models_json_schema(models, ref_template=ref_template, schema_generator=_Generator)
    tidy: dict[str, Any] = _tidied(schema["$defs"])
    return tidy


def _tidied(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    tidy = {name: _tidied(value) for name, value in node.items()}
    if isinstance(text := tidy.get("description"), str):
        tidy["description"] = " ".join(_INTERNAL_REFERENCE.sub("", text).split())
    if (pattern := _PATTERN_BY_FORMAT.get(tidy.get("format", ""))) is not None:
        tidy.setdefault("pattern", pattern)
    return tidy


def _standalone(name: str, definitions: Mapping[str, Any], urn: str) -> dict[str, Any]:
    needed = _reachable(definitions[name], definitions)
    schema = {"$schema": DIALECT, "$id": f"urn:pumpwatch:v1:{urn}", "title": name, **definitions[name]}
    if needed:
        schema["$defs"] = {other: definitions[other] for other in definitions if other in needed}
    return schema


def _reachable(start: Any, definitions: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            target = node.get("$ref")
            if isinstance(target, str) and (name := target.rpartition("/")[2]) not in found:
                found.add(name)
                todo.append(definitions[name])
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return found


class _PlainDumper(yaml.SafeDumper):
    """Writes every value where it stands: anchors would be one more thing for a reader to resolve."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (the name is the base class's)
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_PlainDumper.add_representer(str, _text)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
