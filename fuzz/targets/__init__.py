"""The readers of hostile input, one by one."""
