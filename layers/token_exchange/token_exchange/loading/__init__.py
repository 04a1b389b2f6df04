"""Turns the text of a policy into the value that `core` decides by, or lists everything that is wrong with it."""
