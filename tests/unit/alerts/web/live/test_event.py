"""One event is one line of data, whatever it says."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.live.event import Kind, event


@given(st.sampled_from(Kind), st.text(), st.none() | st.just("abc"))
def test_whatever_is_said_is_read_again(kind: Kind, said: str, version: str | None) -> None:
    lines = event(kind, {"said": said}, version).decode().split("\n")
    assert lines[-2:] == ["", ""]
    fields = dict(line.split(": ", 1) for line in lines[:-2])
    assert fields["event"] == kind
    assert fields.get("id") == version
    heard = json.loads(fields["data"])["said"]
    assert heard == said.encode("utf-8", "replace").decode()
