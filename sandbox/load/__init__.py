"""Realistic traffic for the service on this machine, and what came of it: `python -m sandbox load`."""
