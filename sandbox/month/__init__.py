"""A month of a company: the audit lines of its CI, CloudTrail's files beside them, and one image pushed by a leak."""
