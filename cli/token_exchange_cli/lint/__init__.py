"""The linter: what loads, and is dangerous all the same. One module for each kind of danger under `rules`."""
