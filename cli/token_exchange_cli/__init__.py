"""The `token-exchange` command line, which reads policies and tokens with the service's own parser and evaluator."""
