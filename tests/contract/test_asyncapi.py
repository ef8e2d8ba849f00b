"""The AsyncAPI document holds together, and its addresses are the ones that Pumpwatch parses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from schemas.events import EventKind
from schemas.paths import PUBLISHED_FOLDER
from schemas.topics import event_topic, is_receipt_topic_of, parse_event_topic, receipt_topic

DOCUMENT: dict[str, Any] = yaml.safe_load((PUBLISHED_FOLDER / "asyncapi.yaml").read_text())
BINDING_FIELDS = {
    "operation": {"qos", "retain", "messageExpiryInterval", "bindingVersion"},
    "message": {
        "payloadFormatIndicator",
        "correlationData",
        "contentType",
        "responseTopic",
        "bindingVersion",
    },
}


def references(node: Any, place: str = "#") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield place, value
            else:
                yield from references(value, f"{place}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, f"{place}/{index}")


def resolve(reference: str) -> Any:
    assert reference.startswith("#/"), f"{reference}: the document must stand by itself"
    node: Any = DOCUMENT
    for level in reference[2:].split("/"):
        node = node[level]
    return resolve(node["$ref"]) if isinstance(node, dict) and "$ref" in node else node


def test_is_version_3() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()


@pytest.mark.parametrize(("place", "reference"), list(references(DOCUMENT)))
def test_every_reference_resolves(place: str, reference: str) -> None:
    assert resolve(reference) is not None, place


def test_there_is_a_channel_for_every_topic_and_no_other() -> None:
    addresses = {channel["address"].replace("{device_id}", "d") for channel in DOCUMENT["channels"].values()}
    assert addresses == {event_topic("d", kind) for kind in (*EventKind, None)} | {receipt_topic("d")}


@pytest.mark.parametrize("name", [name for name in DOCUMENT["channels"] if name != "receipts"])
def test_an_event_channel_is_parsed_as_its_message(name: str) -> None:
    channel = DOCUMENT["channels"][name]
    topic = parse_event_topic(channel["address"].replace("{device_id}", "d"))
    assert set(channel["messages"]) == {topic.kind.value if topic.kind else "batch"}
    assert set(channel["parameters"]) == {"device_id"}


def test_every_channel_has_a_message_and_every_message_a_channel() -> None:
    carried = [
        reference["$ref"] for channel in DOCUMENT["channels"].values() for reference in channel["messages"].values()
    ]
    assert sorted(carried) == sorted(f"#/components/messages/{name}" for name in DOCUMENT["components"]["messages"])


@pytest.mark.parametrize("operation", DOCUMENT["operations"].values(), ids=DOCUMENT["operations"].keys())
def test_every_operation_takes_its_channels_message_and_replies_with_a_receipt(
    operation: dict[str, Any],
) -> None:
    assert operation["action"] == "receive"
    channel = operation["channel"]["$ref"]
    assert [message["$ref"].rpartition("/messages/")[0] for message in operation["messages"]] == [channel]
    assert operation["reply"]["channel"]["$ref"] == "#/channels/receipts"
    assert operation["bindings"]["mqtt"]["qos"] == 1
    assert operation["bindings"]["mqtt"].keys() <= BINDING_FIELDS["operation"]


def test_every_event_channel_has_one_operation() -> None:
    taken = [operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()]
    assert sorted(taken) == sorted(f"#/channels/{name}" for name in DOCUMENT["channels"] if name != "receipts")


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_message_examples_follow_their_schema(name: str) -> None:
    """AsyncAPI's own schema object extends draft 7: the schemas use nothing that it does not know."""
    message = DOCUMENT["components"]["messages"][name]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    assert message["examples"]
    for example in message["examples"]:
        # draft 7 ignores what stands beside a $ref, so the components that it points into may stand there
        Draft7Validator(schema).validate(example["payload"])


@pytest.mark.parametrize("name", [name for name in DOCUMENT["components"]["messages"] if name != "receipt"])
def test_event_messages_ask_for_their_receipt_where_ingest_will_send_it(name: str) -> None:
    binding = DOCUMENT["components"]["messages"][name]["bindings"]["mqtt"]
    assert binding.keys() <= BINDING_FIELDS["message"]
    assert is_receipt_topic_of("d", binding["responseTopic"].replace("{device_id}", "d"))


def test_no_schema_uses_a_keyword_that_draft_7_does_not_know() -> None:
    newer = {
        "$defs",
        "$dynamicRef",
        "unevaluatedProperties",
        "prefixItems",
        "dependentSchemas",
        "discriminator",
    }
    used = {word for schema in DOCUMENT["components"]["schemas"].values() for word in _keywords(schema)}
    assert used.isdisjoint(newer)


def _keywords(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield name
            yield from _keywords(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keywords(value)
