"""Write `schemas/published/http/` and `docs/api.md`: what programs may ask by HTTP, from the routes that answer.

python -m deploy.openapi.build            write the files
python -m deploy.openapi.build --check    fail when one is not what the code says

So the maker of a program reads what can be asked, and what is answered, without a server that runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry

from deploy.generated import write_or_check
from schemas.http.problems import ProblemType
from schemas.paths import PUBLISHED_FOLDER
from schemas.publish import as_yaml
from services.alerts.health.paged import PagedPast
from services.alerts.web.api import application as web_application
from services.alerts.web.dependencies import Web
from services.alerts.web.programs.description import description_of
from services.alerts.web.settings import WebSettings
from services.ingest.api import application as ingest_application
from services.ingest.description import describe
from services.ingest.pipeline import Pipeline
from services.runtime.database import Pool
from services.runtime.http.callers import Said

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = PUBLISHED_FOLDER / "http"
GUIDE: Final = ROOT / "docs" / "api.md"
_COMMAND: Final = "python -m deploy.openapi.build"
_NO_DATABASE: Final = "postgresql://localhost/none"
_INTRODUCTION: Final = """\
# What programs may ask

For whoever writes a program that reads alerts or answers them, and for gateways. All of it, with every form,
status and example, is [schemas/published/http/web.yaml](../schemas/published/http/web.yaml) (OpenAPI 3.1; a running
`pumpwatch web` has it at `/openapi.json`) and, for gateways,
[schemas/published/http/ingest.yaml](../schemas/published/http/ingest.yaml). How devices speak MQTT is in
[devices.md](devices.md); keys and their scopes: [people](operating/people/accounts.md); FHIR:
[programs of the hospital](operating/fhir.md).

This page is made by `python -m deploy.openapi.build`.

```
curl -H "Authorization: Bearer $KEY" "https://pumpwatch.example.org/v1/alerts?priority=high&limit=50"
```
"""
_RULES: Final = """\
## What holds everywhere below /v1

- **A list is read in parts.** `total` says how many things match in all parts; `next_cursor` asks for the next one,
  with the same filters, and is null in the last. What is there all the time is left out of none, however much comes
  and goes.
- **Nothing is passed over in silence.** An unknown parameter or field, a repeated parameter and an unknown clinic are
  refused by name. A list is empty only if there is nothing.
- **`If-None-Match`** with the `ETag` of the answer one has: 304 where nothing has changed but the time. Reading is
  written into the audit trail all the same. No cache on the way may keep an answer (`Cache-Control: no-store`).
- **HEAD** is answered wherever GET is.
- **Errors** have one form, `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, and `errors`
  where a parameter or a field was wrong, each with its `parameter` or `pointer`. A program decides by `type`; the
  words may change. What no HTTP server can read is answered 400 or 408 in plain text, and the connection ends.
- **What may change**: members, parameters, paths and types of problems may be added, so pass over members that you do
  not know. What would break a program comes below `/v2`.
"""
_FHIR_PREFIX: Final = "/fhir/"


class _NoWorker:
    """Nobody is asked while a description is written."""

    async def paged(self) -> tuple[PagedPast, ...] | None:
        return None


async def _nothing_missing() -> dict[str, Said]:
    return {}


def web_description() -> dict[str, Any]:
    """The description of `pumpwatch web`."""
    settings = WebSettings(database_url=_NO_DATABASE)
    return description_of(web_application(Web(cast("Pool", None), settings, _NoWorker())).routes)


def ingest_description() -> dict[str, Any]:
    """The description of ingest."""
    none = cast("Pipeline", None)
    return describe(
        ingest_application(none, CollectorRegistry(), _nothing_missing, gateway_token=None, body_within_seconds=1)
    )


def documents() -> dict[str, str]:
    """Every file, by its path from the root."""
    web, ingest = web_description(), ingest_description()
    published = FOLDER.relative_to(ROOT).as_posix()
    return {
        f"{published}/web.yaml": as_yaml(web),
        f"{published}/ingest.yaml": as_yaml(ingest),
        GUIDE.relative_to(ROOT).as_posix(): "\n".join(_guide(web, ingest)),
    }


def drifted(root: Path = ROOT) -> tuple[str, ...]:
    """Name each file that is not what the code says."""
    return tuple(
        name
        for name, text in documents().items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    )


def main(arguments: list[str]) -> int:
    """Write the files, or check them."""
    FOLDER.mkdir(exist_ok=True)
    return write_or_check(arguments, ROOT, documents, drifted, shown=ROOT.name, command=_COMMAND)


def _guide(web: dict[str, Any], ingest: dict[str, Any]) -> Iterator[str]:
    yield _INTRODUCTION
    yield "## What there is\n\n| asked | what it is | who may ask |\n| --- | --- | --- |"
    for described, whom in ((web, "a key with {}, or a session"), (ingest, "a gateway, with its token")):
        for path, operations in described["paths"].items():
            if not path.startswith((_FHIR_PREFIX, "/livez", "/readyz", "/metrics")):
                yield from (_line(method, path, said, whom) for method, said in operations.items())
    yield "| GET `/livez`, `/readyz`, `/metrics` | health, of each service | everybody; names only with its token |"
    yield "| GET `/fhir/R4/...` | the same as FHIR R4, by FHIR's own conventions | a key with a scope of FHIR |\n"
    yield _RULES
    yield "## Problems\n"
    yield "| `type` | status | what it means | what to do |\n| --- | --- | --- | --- |"
    for each in ProblemType:
        yield f"| `{each.uri}` | {each.status} | {each.heading}. {each.means} | {each.to_do} |"
    yield ""


def _line(method: str, path: str, said: dict[str, Any], whom: str) -> str:
    scopes = [f"`{scope}`" for each in said["security"] for scope in each.get("key", ())]
    return f"| {method.upper()} `{path}` | {said['summary']} | {whom.format(' or '.join(scopes))} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
