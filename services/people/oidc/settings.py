"""Settings of the sign-in by an identity provider; without an issuer there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.people.oidc.address import fault_of_address
from services.people.oidc.groups import GroupsFileError
from services.people.oidc.groups_file import read_groups_file
from services.runtime.secrets.settings import SettingsWithSecrets


def _issuer(url: str) -> str:
    if fault := fault_of_address(url, on_loopback=True):
        msg = f"{fault}; expected the issuer as the provider writes it, such as https://id.example.org/realms/clinic"
        raise ValueError(msg)
    return url


class OidcSettings(SettingsWithSecrets):
    """Part of the board's settings."""

    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    """The provider, exactly as its own discovery document names it (also with or without a / at the end)."""
    oidc_client_id: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """What Pumpwatch is called there."""
    oidc_client_secret: SecretStr | None = None
    """Of a confidential client; without it Pumpwatch is a public one, and PKCE alone protects the code."""
    oidc_client_secret_file: Path | None = None
    oidc_groups_file: Path | None = None
    """Which groups have which role in which clinic (services/people/oidc/groups.py)."""
    oidc_groups_claim: Annotated[str, Field(min_length=1, max_length=200)] = "groups"
    """Under which name the provider says somebody's groups."""
    oidc_scopes: Annotated[str, Field(pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$")] = "openid profile"
    """What is asked for, with spaces between; some providers want one more for groups."""
    oidc_name: Annotated[str, Field(min_length=1, max_length=60)] = "your organisation's account"
    """As the button says it: Sign in with NAME."""
    oidc_leeway_seconds: Annotated[int, Field(ge=0, le=300)] = 60
    """By how much the provider's clock and this machine's may differ."""
    oidc_timeout_seconds: Annotated[float, Field(ge=0.1, le=6)] = 5.0
    """For so long each of at most four answers of the provider is waited for."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        if self.oidc_issuer is None:
            if self.oidc_client_id is not None or self.oidc_groups_file is not None:
                msg = f"{self._variable('oidc_issuer')} is missing: expected the provider's issuer beside the others"
                raise ValueError(msg)
            return self
        for field in ("oidc_client_id", "oidc_groups_file"):
            if getattr(self, field) is None:
                msg = f"{self._variable(field)} is missing: {self._variable('oidc_issuer')} is set"
                raise ValueError(msg)
        assert self.oidc_groups_file is not None  # noqa: S101 - looked at above
        try:
            read_groups_file(self.oidc_groups_file)
        except GroupsFileError as error:
            msg = f"{self._variable('oidc_groups_file')}: {error}"
            raise ValueError(msg) from None
        return self
