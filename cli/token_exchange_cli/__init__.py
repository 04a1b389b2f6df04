"""The command line `token-exchange`: policies and tokens, looked at with the service's own parser and evaluator."""
