"""`python -m bench.detection`: what the rules find, how soon, and how often they are wrong."""
