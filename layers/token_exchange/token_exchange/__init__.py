"""Exchange a CI job's OIDC token for a short-lived, down-scoped registry login.

A request passes through `service`, `http` and `core.exchange`. `core` decides without I/O; `adapters` implement its
ports. `loading` and `presets` make the policy that it decides by, `issuer_keys` keeps the issuers' keys available, and
`reporting` writes what was decided.
"""

__version__ = "0.1.0"
