"""Settings of the sign-in by a provider: whole, or refused with what is missing."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from services.alerts.web.settings import WebSettings
from services.people.oidc.address import fault_of_address
from services.people.oidc.groups import GroupsFileError
from services.people.oidc.groups_file import GroupsNow, read_groups_file

GOOD = "clinics:\n  north:\n    viewer: [Nurses]\n"


def settings(**more: object) -> WebSettings:
    return WebSettings.model_validate({"database_url": "postgresql://localhost/x"} | more)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "oidc-groups.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_without_an_issuer_there_is_no_provider():
    assert settings().oidc_issuer is None


def test_a_provider_needs_an_issuer_a_client_and_groups(file):
    whole = {"oidc_issuer": "https://id.example.org/", "oidc_client_id": "pumpwatch", "oidc_groups_file": str(file)}
    assert settings(**whole).oidc_issuer == "https://id.example.org/", "to the letter"
    for name in whole:
        with pytest.raises(ValidationError, match=f"WEB_{name.upper()} is missing"):
            settings(**{each: value for each, value in whole.items() if each != name})


def test_a_groups_file_that_cannot_be_used_is_told_at_the_start_with_its_line(file):
    file.write_text("clinics:\n  north:\n    nurse: [a]\n", encoding="utf-8")
    with pytest.raises(ValidationError, match=r"WEB_OIDC_GROUPS_FILE: .*oidc-groups.yaml:3: .*'nurse' is no role"):
        settings(oidc_issuer="https://id.example.org", oidc_client_id="p", oidc_groups_file=str(file))


@pytest.mark.parametrize("scopes", ["profile", "openid  profile", 'openid "x', "openid\nprofile", ""])
def test_scopes_begin_with_openid(scopes):
    with pytest.raises(ValidationError):
        settings(oidc_scopes=scopes)


def test_the_clients_secret_may_stand_in_a_file_and_is_in_no_error(file, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden-words\n", encoding="utf-8")
    secret.chmod(0o600)
    found = settings(
        oidc_issuer="https://id.example.org", oidc_client_id="p", oidc_groups_file=str(file),
        oidc_client_secret_file=str(secret),
    )  # fmt: skip
    assert found.oidc_client_secret is not None
    assert found.oidc_client_secret.get_secret_value() == "hidden-words"
    assert "hidden-words" not in repr(found)


ADDRESSES = {
    "https://id.example.org/realms/x": None,
    "http://127.0.0.1:8080": None,
    "http://localhost": None,
    "http://[::1]:80": None,
    "http://id.example.org": "does not begin with https://",
    "http://127.0.0.1.example.org": "does not begin with https://",
    "ftp://id.example.org": "does not begin with https://",
    "https://ann:secret@id.example.org": "is no address of a host, without a password and a #",
    "https://id.example.org/#x": "is no address of a host, without a password and a #",
    "https://": "is no address of a host, without a password and a #",
    "javascript:alert(1)": "is no address of a host, without a password and a #",
    "https://id.example.org:no": "is no address",
    "https://[": "is no address",
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_what_is_secret_goes_to_no_address_in_clear_but_on_this_machine(url):
    assert fault_of_address(url, on_loopback=True) == ADDRESSES[url]


def test_a_provider_elsewhere_sends_nobody_to_loopback():
    assert fault_of_address("http://127.0.0.1", on_loopback=False) == "does not begin with https://"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff", "is not UTF-8"), (b"#" * 256_001, "is larger than 256000 bytes"), (None, "No such file")],
)
def test_a_file_that_cannot_be_read_is_refused(file, content, said):
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(GroupsFileError, match=said):
        read_groups_file(file)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GroupsFileError, match="no regular file"):
        read_groups_file(tmp_path / "pipe")


def test_the_last_good_file_holds(file):
    now = GroupsNow(file)
    file.write_text("clinics: [", encoding="utf-8")
    assert now.read().roles_of(["Nurses"])
    file.write_text(GOOD.replace("Nurses", "Others"), encoding="utf-8")
    assert not now.read().roles_of(["Nurses"])
