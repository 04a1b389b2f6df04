"""Realistic traffic for the service on this machine, with checks: `python -m sandbox load`."""
