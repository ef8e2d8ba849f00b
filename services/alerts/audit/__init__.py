"""The audit trail: is it whole, is it what was seen elsewhere, and a copy of it for others."""
