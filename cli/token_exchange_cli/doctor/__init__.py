"""Examines a deployed service as a pipeline would see it."""
