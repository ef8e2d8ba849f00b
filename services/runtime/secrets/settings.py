"""Settings whose secrets may stand in files: `NAME_FILE` beside `NAME`.

Guarantees: a secret has one home. With both set, or a file that cannot be used, a service does not start and says
which. The database's password is read for each connection and not at the start: a file that is not there yet is told,
and tried again, like a database that is away.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from services.runtime.secrets.file import PasswordNow, is_open, password_now, read_secret

_FILE: Final = "_file"
_SECRET_FILES: Final = (
    "password_file",
    "token_file",
    "key_file",
    "secret_file",
    "url_file",
    "share_group_file",
    "session_suffix_file",
)

_KEY_FILES: Final = "key_files"


def _by_commas(value: object) -> object:
    return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value


Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_by_commas)]
"""Files, in the environment with commas between."""


class SettingsWithSecrets(BaseSettings):
    """Base of settings. A field `NAME_file` beside a field `NAME` gives it what is in the file."""

    database_password_file: Path | None = None
    """Holds the password instead of `database_url`; read for each connection anew."""

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        filled = dict(values)
        for field in cls.model_fields:
            name = field.removesuffix(_FILE)
            if name == field or name not in cls.model_fields or values.get(field) is None:
                continue
            if values.get(name) is not None:
                msg = f"{cls._variable(name)} and {cls._variable(field)} are both set: keep one of them"
                raise ValueError(msg)
            if name not in cls._read_when_needed():
                filled[name] = read_secret(Path(values[field]), cls._variable(field))
        return filled

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        url = getattr(self, "database_url", None)
        if self.database_password_file is not None and isinstance(url, SecretStr):
            refuse_two_passwords(
                url.get_secret_value(), self._variable("database_url"), self._variable("database_password_file")
            )
        return self

    @classmethod
    def _read_when_needed(cls) -> frozenset[str]:
        """Secrets whose files the service reads itself."""
        return frozenset()

    @classmethod
    def _variable(cls, field: str) -> str:
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()

    @property
    def database_password(self) -> PasswordNow | None:
        """The database's password as it is when it is asked for; None: the address has it, or there is none."""
        if self.database_password_file is None:
            return None
        return password_now(self.database_password_file, self._variable("database_password_file"))

    def open_files(self) -> Iterator[tuple[str, Path]]:
        """The variables whose secret everybody on this machine may read, and their files."""
        for field in type(self).model_fields:
            path = getattr(self, field)
            if field.endswith(_SECRET_FILES) and isinstance(path, Path) and is_open(path):
                yield self._variable(field), path
            if field.endswith(_KEY_FILES):
                yield from ((self._variable(field), each) for each in path if is_open(each))


def refuse_two_passwords(url: str, url_name: str, file_name: str) -> None:
    """Make sure that an address has no password, as a file has it.

    Raises:
        ValueError: It has one; the message quotes nothing of it.
    """
    parts = urlsplit(url)
    if parts.password or {"password", "passfile"} & parse_qs(parts.query).keys():
        msg = f"{url_name} holds a password and {file_name} is set: keep one of them"
        raise ValueError(msg)
