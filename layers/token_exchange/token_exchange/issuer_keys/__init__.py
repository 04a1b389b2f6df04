"""Keeps issuer keys available: fetched, cached, shared, refreshed. Whether a key is usable is decided in `core`."""
