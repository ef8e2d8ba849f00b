"""PURE. A run's findings for a person, for a program, and for a build server: JUnit XML, only written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405

from services.conformance.finding import Finding, Verdict
from services.conformance.judge import broken

_INDENT: Final = " " * 8
_WIDTH: Final = max(len(verdict) for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.NOT_APPLICABLE))


def lines(device_id: str, findings: Sequence[Finding]) -> Iterator[str]:
    """The report, line by line; what nobody can see from outside stands at its end."""
    for finding in findings:
        if finding.verdict is Verdict.CANNOT_BE_SEEN:
            continue
        said = finding.verdict.upper() if finding.verdict is Verdict.FAILED else finding.verdict
        requirement = finding.requirement
        yield f"{requirement.number}  {said:<{_WIDTH}}  {requirement.level:<6}  {requirement.text}"
        if finding.evidence:
            yield f"{_INDENT}{finding.evidence}"
    yield ""
    yield "For you to see to, as it cannot be seen from outside:"
    for finding in findings:
        if finding.verdict is Verdict.CANNOT_BE_SEEN:
            requirement = finding.requirement
            yield f"{requirement.number}  {requirement.level}  {requirement.text} ({finding.evidence})"
    yield ""
    yield summary(device_id, findings)


def summary(device_id: str, findings: Sequence[Finding]) -> str:
    """One line: how many of each, and whether the device conforms as far as was seen."""
    counts = Counter(finding.verdict for finding in findings)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    faults = broken(findings)
    if faults:
        return f"{said}. {device_id} does not conform: {', '.join(each.requirement.number for each in faults)}"
    return f"{said}. {device_id} conforms, as far as was seen"


def as_json(device_id: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "device_id": device_id,
        "conforms": not broken(findings),
        "counts": {verdict.name.lower(): sum(each.verdict is verdict for each in findings) for verdict in Verdict},
        "findings": [
            {
                "number": finding.requirement.number,
                "level": finding.requirement.level.value,
                "requirement": finding.requirement.text,
                "verdict": finding.verdict.name.lower(),
                "evidence": finding.evidence,
            }
            for finding in findings
        ],
    }


def as_junit(device_id: str, findings: Sequence[Finding]) -> str:
    """JUnit XML: a MUST that failed is a failure, and all that was not seen is skipped, with why."""
    faults = broken(findings)
    skipped = [each for each in findings if each.verdict not in {Verdict.PASSED, Verdict.FAILED}]
    suite = Element(
        "testsuite",
        name=f"pumpwatch conformance {device_id}",
        tests=str(len(findings)),
        failures=str(len(faults)),
        skipped=str(len(skipped)),
    )
    for finding in findings:
        requirement = finding.requirement
        name = f"{requirement.number} {requirement.level} {requirement.text}"
        case = SubElement(suite, "testcase", classname=device_id, name=name)
        if finding in faults:
            SubElement(case, "failure", message=finding.evidence)
        elif finding in skipped:
            SubElement(case, "skipped", message=f"{finding.verdict}: {finding.evidence}")
        elif finding.evidence:
            SubElement(case, "system-out").text = finding.evidence
    return tostring(suite, encoding="unicode", xml_declaration=True)
