"""The handler of AppConfig's validator."""

from token_exchange.policy_validator import start

handler = start()
