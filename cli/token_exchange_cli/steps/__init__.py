"""The login step of each CI system."""
