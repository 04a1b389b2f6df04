"""One file for each CI system: the claims in its tokens, mostly as data."""
