"""The ports of `core` fulfilled: AWS, issuers, logs and metrics."""
