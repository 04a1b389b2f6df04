"""The handler of AppConfig's validator."""

from validate_policy.validator import start

handler = start()
