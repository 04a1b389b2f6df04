"""The HTTP interface: a Lambda event in, an answer out.

A request passes `event`, `parameters`, `request`, `routes`, then `token` or `explain`, and `answers`.
"""
