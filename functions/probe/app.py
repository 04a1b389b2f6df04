"""The handler of the function that probes the exchange from outside."""

from probe.probe import start

handler = start()
