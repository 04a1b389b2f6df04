"""Reports decisions to callers, to the audit log and to operators."""
