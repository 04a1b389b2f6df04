"""The handler of the exchange function."""

from token_exchange.start import start

handler = start(__file__)
