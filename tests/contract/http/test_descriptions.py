"""What programs may ask by HTTP is described: published, whole, and with examples that its own schemas accept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.openapi import build
from schemas.http.problems import Problem, ProblemType
from schemas.policy import Priority
from services.alerts.model import AlertState, RuleName
from services.alerts.web.fhir.scopes import RESOURCES

DESCRIBED = {"web": build.web_description(), "ingest": build.ingest_description()}
JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete", "head")


def operations(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its answers in full, also where they stand once for several."""
    for path, operations_there in DESCRIBED[name]["paths"].items():
        for method, said in operations_there.items():
            assert method in METHODS
            answers = {status: in_full(name, answer) for status, answer in said["responses"].items()}
            yield f"{method.upper()} {path}", said | {"responses": answers}


def in_full(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in answer:
        return answer
    found: dict[str, Any] = DESCRIBED[name]["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return found


ALL = [(name, where, said) for name in DESCRIBED for where, said in operations(name)]
NAMES = [f"{name} {where}" for name, where, _ in ALL]


def accepts(name: str, schema: dict[str, Any], value: object) -> bool:
    """Whether a schema of that description holds of a value."""
    document = {"$ref": "#/$defs/it", "$defs": {"it": schema}, "components": DESCRIBED[name]["components"]}
    validator = Draft202012Validator(document, format_checker=Draft202012Validator.FORMAT_CHECKER)
    errors = [each.message for each in validator.iter_errors(value)]
    assert errors == [], (errors, value)
    return True


def test_published_files_are_what_the_routes_say() -> None:
    assert build.drifted() == ()


def test_a_file_that_is_not_what_the_routes_say_is_named(tmp_path: Path) -> None:
    assert build.drifted(tmp_path) == (
        "schemas/published/http/web.yaml",
        "schemas/published/http/ingest.yaml",
        "docs/api.md",
    )


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_is_published_is_read_as_it_was_made(name: str) -> None:
    published = yaml.safe_load((build.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert published == DESCRIBED[name]
    assert published["openapi"].startswith("3.1")
    assert published["info"]["title"]
    assert published["info"]["description"]
    assert published["info"]["version"] == "1.0.0"
    assert all(tag["description"] for tag in published["tags"])


@pytest.mark.parametrize(("name", "where", "said"), ALL, ids=NAMES)
def test_every_operation_says_what_it_is_and_who_may_ask(name: str, where: str, said: dict[str, Any]) -> None:
    assert said["summary"]
    assert said["description"]
    assert said["operationId"].isidentifier()
    assert set(said["tags"]) <= {tag["name"] for tag in DESCRIBED[name]["tags"]}
    schemes = {scheme for each in said["security"] for scheme in each}
    assert schemes <= DESCRIBED[name]["components"]["securitySchemes"].keys()
    assert all(each.get("description") for each in said.get("parameters", ()) if "{" + each["name"] not in where)


@pytest.mark.parametrize("name", DESCRIBED)
def test_no_two_operations_have_one_name(name: str) -> None:
    found = [said["operationId"] for _, said in operations(name)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize(("name", "where", "said"), ALL, ids=NAMES)
def test_every_example_has_the_form_that_is_described(name: str, where: str, said: dict[str, Any]) -> None:
    contents = [each.get("content", {}) for each in said["responses"].values()]
    contents.append(said.get("requestBody", {}).get("content", {}))
    for content in contents:
        for media, form in content.items():
            shown = [each["value"] for each in form.get("examples", {}).values()]
            shown += [form["example"]] if "example" in form else []
            assert shown or media != JSON or "fhir" in where, where
            assert all(accepts(name, form["schema"], each) for each in shown)


@pytest.mark.parametrize(("name", "where", "said"), ALL, ids=NAMES)
def test_every_error_has_the_one_form(name: str, where: str, said: dict[str, Any]) -> None:
    for status, answer in said["responses"].items():
        assert answer["description"], (where, status)
        if status.startswith(("4", "5")) and "/fhir/" not in where and status not in ("503", "422"):
            assert list(answer["content"]) == ["application/problem+json"], (where, status)


@pytest.mark.parametrize(("where", "said"), list(operations("web")))
def test_what_is_read_has_a_name_and_what_is_sent_is_json(where: str, said: dict[str, Any]) -> None:
    if " /v1/" not in where:
        return
    if where.startswith("GET"):
        assert "ETag" in said["responses"]["200"]["headers"]
        assert {"304", "401", "403", "406", "413", "422", "429", "500", "503"} <= said["responses"].keys()
        assert any(each["name"] == "If-None-Match" for each in said["parameters"])
    else:
        assert {"401", "403", "404", "413", "422", "429", "500", "503"} <= said["responses"].keys()
        assert ("415" in said["responses"]) is ("requestBody" in said)


@pytest.mark.parametrize(("where", "said"), list(operations("web")))
def test_every_list_is_read_in_parts(where: str, said: dict[str, Any]) -> None:
    if said["operationId"] not in ("listAlerts", "listSilences", "listPumps", "whoIsOnCall"):
        return
    schema = said["responses"]["200"]["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
    form = DESCRIBED["web"]["components"]["schemas"][schema]
    assert {"read_at", "total", "next_cursor"} <= set(form["required"])
    assert {"limit", "cursor", "clinic_id"} <= {each["name"] for each in said["parameters"]}


def test_what_is_one_of_a_few_says_of_which() -> None:
    alert = DESCRIBED["web"]["components"]["schemas"]["AlertView"]["properties"]
    assert alert["state"]["enum"] == list(AlertState)
    assert alert["priority"]["enum"] == list(Priority)
    asked = {each["name"]: each["schema"] for each in DESCRIBED["web"]["paths"]["/v1/alerts"]["get"]["parameters"]}
    rules = DESCRIBED["web"]["components"]["schemas"]["RuleName"]["enum"]
    assert rules == list(RuleName)
    assert "RuleName" in str(asked["rule"])


def test_every_kind_of_fhir_resource_is_described() -> None:
    for each in RESOURCES:
        assert {f"/fhir/R4/{each}", f"/fhir/R4/{each}/{{resource_id}}"} <= DESCRIBED["web"]["paths"].keys()


def test_every_problem_is_explained_on_the_page_of_programs() -> None:
    text = build.GUIDE.read_text(encoding="utf-8")
    for each in ProblemType:
        assert f"| `{each.uri}` | {each.status} | {each.heading}. {each.means} | {each.to_do} |" in text
    assert set(Problem.model_fields) >= {"type", "title", "status", "detail", "errors"}
