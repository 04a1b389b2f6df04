"""Audit: questions about a log of audit lines, and about CloudTrail's files beside it."""
