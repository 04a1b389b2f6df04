"""Exchange a CI job's OIDC token for a short-lived, down-scoped registry login.

The order in which a request is read: `endpoint`, `exchange`, then `verify`, `providers`, `policy` and
`downscope`, which decide without touching the world; `adapters` do what was decided.
"""

__version__ = "0.1.0"
