"""The HTTP interface: events in, answers out."""
