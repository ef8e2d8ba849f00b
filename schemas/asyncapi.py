"""The AsyncAPI 3.0 document: how to speak to Pumpwatch over MQTT, for people and for code generators.

Seen from Pumpwatch: it *receives* events and replies with receipts. Addresses come from `schemas.topics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, MODEL_BY_KIND, EventKind
from schemas.examples import BATCH, EVENTS, RECEIPT, RECEIPT_OF_A_BATCH
from schemas.topics import BATCH as BATCH_LEVEL
from schemas.topics import DEVICE_ID_RULE, ROOT

_BINDING_VERSION: Final = "0.2.0"
_DEVICE: Final = "{device_id}"
_AT_LEAST_ONCE: Final = {"mqtt": {"qos": 1, "retain": False, "bindingVersion": _BINDING_VERSION}}
_DESCRIPTION: Final = f"""\
Pumps and handhelds publish events with MQTT 5 at QoS 1. The device is named by the topic alone; the broker
lets each login write to its own subtree only.

A PUBACK says that the broker has the message, not that it is stored. A device that sets *Response Topic* to
its receipts topic and *Correlation Data* to any bytes of its own gets one receipt with the same bytes after
the commit; it keeps an event, and sends it again, until a receipt counts it. An event that is sent twice with
the same `event_id` and `observed_at` is stored once.

Unknown fields are ignored; unknown values of an enumeration are refused. A message holds at most
{MAX_PAYLOAD_BYTES} bytes and {MAX_BATCH_EVENTS} events.
"""


def asyncapi_document(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Build the document around `definitions`, whose references must lie in `#/components/schemas/`."""
    names = {**{kind.value: model.__name__ for kind, model in MODEL_BY_KIND.items()}, BATCH_LEVEL: "Batch"}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:pumpwatch:v1",
        "info": {"title": "Pumpwatch device interface", "version": "1.0.0", "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {
            **{f"{level}_events": _event_channel(level) for level in names},
            "receipts": {
                "address": f"{ROOT}/{_DEVICE}/receipts",
                "description": "What became of each message that asked for a receipt.",
                "messages": {"receipt": {"$ref": "#/components/messages/receipt"}},
                "parameters": {"device_id": {"$ref": "#/components/parameters/device_id"}},
            },
        },
        "operations": {f"receive_{level}": _operation(level) for level in names},
        "components": {
            "messages": {
                **{level: _event_message(level, name) for level, name in names.items()},
                "receipt": _receipt_message(),
            },
            "parameters": {
                "device_id": {
                    "description": f"The device's login at the broker: {DEVICE_ID_RULE}.",
                    "examples": ["pump-0001"],
                }
            },
            "correlationIds": {
                "correlation_data": {
                    "description": "MQTT 5 Correlation Data: the device's own bytes, sent back unchanged.",
                    "location": "$message.header#/correlationData",
                }
            },
            "securitySchemes": {
                "device_certificate": {
                    "type": "X509",
                    "description": "A client certificate of the device CA; its common name is the device id.",
                },
                "device_password": {
                    "type": "userPassword",
                    "description": "Development only: the user name is the device id.",
                },
            },
            "schemas": dict(definitions),
        },
    }


def _servers() -> dict[str, Any]:
    return {
        "production": {
            "host": "{host}:8883",
            "protocol": "secure-mqtt",
            "protocolVersion": "5",
            "description": "TLS, with a client certificate for each device.",
            "variables": {"host": {"description": "The broker's name.", "default": "broker.example"}},
            "security": [{"$ref": "#/components/securitySchemes/device_certificate"}],
        },
        "development": {
            "host": "127.0.0.1:1883",
            "protocol": "mqtt",
            "protocolVersion": "5",
            "description": "The demo on one machine. Not for patients' data.",
            "security": [{"$ref": "#/components/securitySchemes/device_password"}],
        },
    }


def _event_channel(level: str) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{_DEVICE}/events/{level}",
        "messages": {level: {"$ref": f"#/components/messages/{level}"}},
        "parameters": {"device_id": {"$ref": "#/components/parameters/device_id"}},
    }


def _operation(level: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "summary": "Take in a log of events." if level == BATCH_LEVEL else f"Take in one {level} event.",
        "channel": {"$ref": f"#/channels/{level}_events"},
        "messages": [{"$ref": f"#/channels/{level}_events/messages/{level}"}],
        "bindings": _AT_LEAST_ONCE,
        "reply": {
            "channel": {"$ref": "#/channels/receipts"},
            "messages": [{"$ref": "#/channels/receipts/messages/receipt"}],
        },
    }


def _event_message(level: str, schema_name: str) -> dict[str, Any]:
    payload = BATCH if level == BATCH_LEVEL else EVENTS[EventKind(level)]
    return {
        "name": level,
        "contentType": "application/json",
        "correlationId": {"$ref": "#/components/correlationIds/correlation_data"},
        "payload": {"$ref": f"#/components/schemas/{schema_name}"},
        "bindings": {
            "mqtt": {
                "payloadFormatIndicator": 1,
                "contentType": "application/json",
                "correlationData": {"type": "string", "minLength": 1, "maxLength": 128},
                "responseTopic": f"{ROOT}/{_DEVICE}/receipts",
                "bindingVersion": _BINDING_VERSION,
            }
        },
        "examples": [{"name": level, "payload": payload}],
    }


def _receipt_message() -> dict[str, Any]:
    return {
        "name": "receipt",
        "contentType": "application/json",
        "description": "Sent at QoS 0 after the commit. A receipt may be lost: the device sends again and "
        "gets one that counts a duplicate.",
        "correlationId": {"$ref": "#/components/correlationIds/correlation_data"},
        "payload": {"$ref": "#/components/schemas/Receipt"},
        "examples": [
            {"name": "one_event", "payload": RECEIPT},
            {"name": "batch_of_50", "payload": RECEIPT_OF_A_BATCH},
        ],
    }
