"""The function that refreshes key sets in the state table."""
