"""The handler of the exchange function."""

from token_exchange.service import start

handler = start(__file__)
