"""What outlives a request: tokens that were spent, and exchanges that were counted."""
