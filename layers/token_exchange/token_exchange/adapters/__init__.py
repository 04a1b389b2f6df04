"""What the core decided, done: each module here fulfils one port of `token_exchange.ports`."""
