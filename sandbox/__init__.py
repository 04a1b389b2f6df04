"""A CI issuer and an AWS on loopback, for the demo, `make serve`, `sam local` and the tests; never deployed."""
