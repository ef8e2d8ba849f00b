"""Gets everything that the tests run on before they start, so that a long download is not a test's time.

`python -m services.devstack.prepare`
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services.devstack.errors import DevStackError
from services.devstack.servers import mosquitto, npm, oidc_provider, system_packages, timescaledb

_BROWSER_TESTS = Path(__file__).parents[2] / "tests" / "browser"


def main() -> int:
    """Prepare; the exit code is 1, and one sentence says why, when something cannot be had."""
    try:
        mosquitto.find_mosquitto()
        system_packages.ensure_program("haproxy", "haproxy", purpose="the test of the TLS proxy")
        system_packages.ensure_program("promtool", "prometheus", purpose="the test of the metrics")
        oidc_provider.ensure_package()
        npm.ensure_mqtt()
        if any(_BROWSER_TESTS.glob("test_*.py")):
            system_packages.ensure_program("chromium", "chromium", purpose="the browser tests")
            npm.ensure_axe()
        if not os.environ.get("TEST_DATABASE_URL"):
            timescaledb.choose_installation()
    except DevStackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
