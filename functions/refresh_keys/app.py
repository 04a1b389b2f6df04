"""The handler of the function that keeps key sets fresh for all environments."""

from token_exchange.refresher import start

handler = start(__file__)
