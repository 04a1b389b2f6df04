"""A picture of who can reach what under a policy, as one page."""
