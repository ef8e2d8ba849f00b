"""Pictures of the four dashboards, drawn by Grafana's own components in Chromium: to be looked at.

    python -m bench.grafana.pictures --out FOLDER [--packages FOLDER]

No Grafana runs. Panels (stat, table, time series, bar gauge) are `@grafana/ui`'s, with the panel's own settings,
overrides and thresholds by `@grafana/data`, and with what the panel's queries give a clinic's login on a TimescaleDB of
its own, filled as the contract tests fill it. What is round the panels (menus, variables, links that are followed,
marks) is not drawn, and a query's rows become series here by a few lines of ours. The packages (620 MB) are fetched
from npm once.
"""
