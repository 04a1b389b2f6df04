"""The review of a change to a policy."""
