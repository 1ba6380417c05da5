"""Benches: ratios measured in one run; `python -m tests.bench` writes the committed table."""
