"""A first policy: the questions, and the files that are written from the answers."""
