"""Servers and programs that only tests and benchmarks use."""
