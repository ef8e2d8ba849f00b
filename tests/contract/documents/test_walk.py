"""What `docs/walk.md` has a newcomer type is taken, and what it says is refused is refused."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from schemas.events import MODEL_BY_KIND, EventKind
from schemas.policy import Policy
from schemas.policy_file import PolicyError, load_policy
from services.devstack.demo.run import _POLICY
from tests.contract.prose import code

WALK = code("docs/walk.md")
SENT = re.findall(r"^send (\w+) '([^']+)'", WALK, re.MULTILINE)


def read(kind: str, fields: str) -> object:
    """As ingest reads what `send` of that page sends."""
    own = {"event_id": str(uuid4()), "observed_at": datetime.now(UTC).isoformat()}
    return MODEL_BY_KIND[EventKind(kind)].model_validate_json(json.dumps(own | json.loads(f"{{{fields}}}")))


def test_each_event_is_taken_but_the_one_that_cannot_be_true() -> None:
    assert [kind for kind, _ in SENT] == ["therapy", "refill", "reservoir", "reservoir", "alarm", "reservoir"]
    for kind, fields in SENT:
        if ":-3" in fields:
            with pytest.raises(ValidationError, match="greater than or equal to 0"):
                read(kind, fields)
        else:
            read(kind, fields)


def test_the_changed_policy_is_good_and_the_slip_in_it_is_named_with_its_line(tmp_path: Path) -> None:
    [added] = re.findall(r"<<'END'\n(.*?)END\n", WALK, re.DOTALL)
    demo = _POLICY.format(clinic="demo-clinic", url="json://127.0.0.1:9/")
    file = tmp_path / "new.yaml"
    file.write_text(demo + added)
    assert load_policy(file).patient_report.severe_score < Policy().patient_report.severe_score
    file.write_text(demo + added.replace(": 6", ": 60"))
    with pytest.raises(PolicyError, match=rf"{file}:\d+: patient_report\.severe_score"):
        load_policy(file)
