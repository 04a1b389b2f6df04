"""May this run have this login? A document is read once into an immutable policy, which then decides."""
