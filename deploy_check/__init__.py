"""Deploys the built service with `sam deploy` to an emulator of AWS on this machine: `make deploy-check`."""
