"""The rules that watch Pumpwatch speak of metrics that it has, and of jobs that are scraped where services listen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.alerts.metrics import Metrics as AlertsMetrics
from services.ingest.metrics import IngestMetrics
from tests.contract.deploy.compose_file import PRODUCTION, read

PROMETHEUS = Path(__file__).parents[3] / "deploy" / "prometheus"
CONFIGURATION: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]


@pytest.fixture(scope="module")
def metrics() -> dict[str, frozenset[str]]:
    """Every sample name, with the labels of its metric."""
    registry = CollectorRegistry()
    IngestMetrics.on(registry)
    AlertsMetrics.on(registry)
    names = {}
    for name, collector in registry._names_to_collectors.items():
        names[name] = frozenset(getattr(collector, "_labelnames", ()))
    return names


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_names_metrics_and_labels_that_there_are(
    rule: dict[str, Any], metrics: dict[str, frozenset[str]]
) -> None:
    assert rule["annotations"]["summary"].endswith(".")
    for name, labels in re.findall(r"\b(pumpwatch_\w+)(?:\{(\w+)[!=~])?", rule["expr"]):
        assert name in metrics
        assert not labels or labels in metrics[name]
    for label in re.findall(r"by \((\w+)\)", rule["expr"]):
        assert any(label in metrics[name] for name in re.findall(r"pumpwatch_\w+", rule["expr"]))


def test_each_job_of_a_rule_is_scraped_where_the_service_listens() -> None:
    services = read(PRODUCTION)["services"]
    scraped = {job["job_name"]: job["dns_sd_configs"][0] for job in CONFIGURATION["scrape_configs"]}
    for rule in RULES:
        assert set(re.findall(r'job="(\w+)"', rule["expr"])) <= scraped.keys()
    for name, source in scraped.items():
        assert source["names"] == [name]
        assert str(source["port"]) == services[name]["environment"][f"{name.upper()}_HTTP_PORT"]
        assert "data" in services[name]["networks"]


def test_one_alert_always_fires() -> None:
    assert [rule["expr"] for rule in RULES if rule["alert"] == "Watchdog"] == ["vector(1)"]
