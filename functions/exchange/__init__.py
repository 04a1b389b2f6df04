"""The function behind the HTTP interface."""
