"""`python -m bench.alerts`: what the alert service costs."""
