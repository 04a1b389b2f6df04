"""Keeps issuer keys available: fetched, cached, shared, refreshed. Nothing here decides whether a key is good."""
