"""Explain the decision on one run, given as claims, as a token or as an audit record."""
