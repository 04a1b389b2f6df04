"""A fake AWS: the operations that the exchange uses, over HTTP, which refuses what AWS refuses."""
