"""Implements the ports of `core`: AWS, issuers, logs and metrics."""
