"""The registry, as an operator changes it: clinics, devices, pairings, implantations and who looks after a pump."""
