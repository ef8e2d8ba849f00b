"""The secrets of one receiver, as they stand in their file now.

Guarantee: a file that cannot be used is an error that names it and quotes nothing of it; it is never no secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.alerts.delivery.webhooks.signing import Secret, WebhookSecretError, read_line
from services.runtime.secrets.file import SecretFileError, read_secret

_NAME: Final = "secret of a webhook"


def read_secrets(path: Path) -> tuple[Secret, ...]:
    """What signs, the newest first.

    Raises:
        SecretFileError: The file cannot be used; says why.
    """
    line = read_secret(path, _NAME)
    try:
        return read_line(line)
    except WebhookSecretError as error:
        msg = f"{_NAME}: the file {str(path)!r} cannot be used: {error}"
        raise SecretFileError(msg) from None
