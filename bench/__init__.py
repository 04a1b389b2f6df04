"""Benchmarks of the service, as ratios to the calls that it cannot avoid: `python -m bench`."""
