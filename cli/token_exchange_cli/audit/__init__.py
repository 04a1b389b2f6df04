"""Queries over a log of audit lines and over CloudTrail's files."""
