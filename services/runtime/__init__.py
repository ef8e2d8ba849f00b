"""The only code that services share: MQTT, HTTP, the database, logs. It knows no domain word."""
