"""Grafana's side of "clinics apart": for each clinic a login at the database, an organisation and a data source."""
