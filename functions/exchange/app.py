"""The handler of the exchange function."""

from token_exchange import start

handler = start(__file__)
