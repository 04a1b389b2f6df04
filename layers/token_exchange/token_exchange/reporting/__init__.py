"""What is said of a decision: to the caller, to the audit log, to operators."""
