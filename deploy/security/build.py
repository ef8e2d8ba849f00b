"""Write the papers of `docs/security/` that are made from the code. The same code gives the same bytes.

python -m deploy.security.build            write the files
python -m deploy.security.build --check    fail, and name the file, when one is not what the code says

`sbom.cdx.json` (CycloneDX) lists what the product is delivered with, `sbom-image.cdx.json` what the image holds, as far
as the Dockerfile says: what its base image brings stands in that image's own list. `licences.md` is for people.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from deploy.generated import write_or_check
from deploy.security.licences import LICENCES
from deploy.security.lock import LOCK, Locked, locked

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "security"
_IDENTITY: Final = UUID("6f2b2f0e-6f0b-4a57-9d0d-0c5f6f6a7d11")
_WINDOWS: Final = "sys_platform == 'win32'"


def documents() -> dict[str, str]:
    """Build every paper: file name to text."""
    packages = locked(LOCK.read_text(encoding="utf-8"))
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    taken_out = set(" ".join(re.findall(r"pip uninstall --yes ([^\n\\]+)", dockerfile)).split())
    in_image = [each for each in packages if each.name not in taken_out and each.marker != _WINDOWS]
    base = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)[-1]  # of the last stage, which is what is left
    return {
        "sbom.cdx.json": _bom(_product(ComponentType.APPLICATION), [_component(each) for each in packages]),
        "sbom-image.cdx.json": _bom(
            _product(ComponentType.CONTAINER), [base_image(base), *(_component(each) for each in in_image)]
        ),
        "licences.md": _licences(packages),
    }


def drifted(folder: Path = FOLDER) -> tuple[str, ...]:
    """Name the files that are not what the code says."""
    return tuple(
        name
        for name, text in documents().items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    )


def _bom(about: Component, components: Iterable[Component]) -> str:
    """One bill of materials, without a date: the same code gives the same bytes."""
    bom = Bom(components=components, metadata=BomMetaData(component=about))
    for component in components:
        bom.register_dependency(component)
    bom.register_dependency(about, components)
    written = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del written["metadata"]["timestamp"], written["serialNumber"]
    digest = json.dumps(written, sort_keys=True)
    written["serialNumber"] = f"urn:uuid:{uuid5(_IDENTITY, digest)}"
    return json.dumps(written, indent=1, sort_keys=True) + "\n"


def _product(kind: ComponentType) -> Component:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return Component(
        name=project["name"], version=project["version"], type=kind, bom_ref=f"{project['name']}-{kind.value}"
    )


def _component(each: Locked) -> Component:
    return Component(
        name=each.name,
        version=each.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{each.name}=={each.version}",
        purl=PackageURL("pypi", name=each.name, version=each.version),
        licenses=[LicenseExpression(LICENCES[each.name], acknowledgement=LicenseAcknowledgement.DECLARED)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in each.sha256],
        scope=ComponentScope.OPTIONAL if each.marker else ComponentScope.REQUIRED,
        properties=[Property(name="pumpwatch:marker", value=each.marker)] if each.marker else [],
    )


def base_image(name: str) -> Component:
    """A base image: `[registry/][folder/]name:tag[@digest]`."""
    tagged, _, digest = name.partition("@")
    path, _, tag = tagged.partition(":")
    *folders, image = path.split("/")
    registry = folders.pop(0) if folders and "." in folders[0] else None
    qualifiers = {"repository_url": registry} if registry else {}
    return Component(
        name=path,
        version=f"{tag}@{digest}" if digest else tag,
        type=ComponentType.CONTAINER,
        bom_ref=name,
        purl=PackageURL(
            "docker",
            "/".join(folders) or None,
            image,
            digest or tag,
            qualifiers | ({"tag": tag} if digest else {}),
        ),
    )


def _licences(packages: Iterable[Locked]) -> str:
    rows = "\n".join(
        f"| {each.name} | {each.version} | {LICENCES[each.name]} | {each.marker.replace('|', '/') or 'everywhere'} |"
        for each in packages
    )
    return f"""# Licences of what Pumpwatch is delivered with

Made from requirements.lock by `python -m deploy.security.build`. All of them allow use in a product of any licence;
MPL-2.0 asks that changes to its own files be published, and there are none. The servers (PostgreSQL; TimescaleDB under
the Timescale License in the Compose file, under Apache-2.0 in its Apache edition; Eclipse Mosquitto under EPL-2.0 or
EDL-1.0; Grafana under AGPL-3.0) are run as they come, each in a container of its own, and are no part of this list.

| package | version | licence | needed |
| --- | --- | --- | --- |
{rows}
"""


def main(arguments: list[str]) -> int:
    """Write the files, or check them; the exit status is 1 when they have drifted."""
    return write_or_check(
        arguments, FOLDER, documents, drifted, shown="docs/security", command="python -m deploy.security.build"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
