"""A first policy: what to ask for, and the files that are made of it."""
