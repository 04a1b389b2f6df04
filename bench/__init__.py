"""How fast the service is, in ratios to what it cannot do without: `python -m bench`."""
