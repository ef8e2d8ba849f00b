"""A clinic's rotas as a YAML file: read with the lines of its faults, and written so that it reads the same.

Guarantee: what was written is read as the same rotas. The file holds layers and no changes: those are made on the board
or by a command, and importing a file leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import UUID

import yaml
from pydantic import Field, model_validator

from schemas.line_text import LineText
from schemas.parts.file import file_content, parse_part
from schemas.policy_part import Part
from schemas.yaml_lines import visible_path
from services.people.rota.model import Definition, Rota


class RotaFile(Part):
    """What a file of rotas says."""

    clinic_id: Annotated[LineText, Field(min_length=1, max_length=64)]
    rotas: Annotated[tuple[Definition, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [rota.name for rota in self.rotas]
        if len(names) != len(set(names)):
            msg = f"rotas must have different names; got {', '.join(names)}"
            raise ValueError(msg)
        return self


def load_rotas(path: Path, people: Mapping[str, Mapping[str, UUID]]) -> tuple[Rota, ...]:
    """Read one file; arguments and errors as of `parse_rotas`."""
    return parse_rotas(file_content(path, "file of rotas"), visible_path(path), people)


def parse_rotas(content: bytes, name: str, people: Mapping[str, Mapping[str, UUID]]) -> tuple[Rota, ...]:
    """The rotas that a file's bytes say, without changes.

    Args:
        content: The file's bytes.
        name: What the file is called.
        people: By clinic, its persons by what a file may call them (`names_of_people`).

    Raises:
        schemas.parts.file.PartFileError: It cannot be used; each fault on a line of its own that begins with the file
            and the line it is about.
    """

    def validate(values: Any) -> RotaFile:
        clinic = values.get("clinic_id") if isinstance(values, dict) else None
        return RotaFile.model_validate(values, context={"people": people.get(str(clinic), {})})

    said, _ = parse_part(content, name, validate)
    return tuple(
        Rota(clinic_id=said.clinic_id, name=each.name, timezone=each.timezone, layers=each.layers)
        for each in said.rotas
    )


def names_of_people(persons: Iterable[tuple[UUID, str | None]]) -> dict[str, UUID]:
    """What a file may call persons (id, sign-in): what they sign in with, or else their id."""
    return {name or str(person_id): person_id for person_id, name in persons}


def rotas_as_yaml(clinic_id: str, rotas: Iterable[Definition], names: Mapping[UUID, str]) -> str:
    """The file of these rotas; who is not in `names` stands there as their id."""
    values = {"clinic_id": clinic_id, "rotas": [_values(rota, names) for rota in rotas]}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)


def _values(rota: Definition, names: Mapping[UUID, str]) -> dict[str, Any]:
    layers = []
    for layer in rota.layers:
        said = layer.model_dump(mode="json", exclude_defaults=True)
        said["members"] = [names.get(person, str(person)) for person in layer.members]
        layers.append(said)
    return {"name": rota.name, "timezone": rota.timezone, "layers": layers}
