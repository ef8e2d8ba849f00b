"""`python -m bench.faults`: what is left after kills, hangs and a full disk."""
