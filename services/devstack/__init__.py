"""Real servers on a developer's machine, for the demo, the tests and the benchmarks.

Guarantees: everything listens on loopback only; a server ends when whoever started it ends, even by `kill
-9`; only processes that were started here are ever signalled, by their id. What cannot be had on this machine
is said in one sentence (`DevStackError`).
"""
