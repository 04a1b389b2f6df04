"""Reads a document into a policy: strictly, to its end, and with every problem it finds."""
