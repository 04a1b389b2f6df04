"""The handler of the check of a new version, before requests are shifted to it."""

from check_version.check import start

handler = start()
