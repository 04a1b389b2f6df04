"""Turns a policy document into the value that `core` uses to decide, or lists all its problems."""
