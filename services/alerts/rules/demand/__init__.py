"""The rules about how often a patient asks for a bolus, and the statistics that they share."""
