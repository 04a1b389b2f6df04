"""The handler of the function that probes the exchange from outside."""

from token_exchange.probe import start

handler = start()
