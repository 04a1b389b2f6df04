"""Tables of tests for a policy, and what came of them."""
