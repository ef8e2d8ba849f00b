"""What the dashboards of Grafana cost (bench.grafana.times)."""
