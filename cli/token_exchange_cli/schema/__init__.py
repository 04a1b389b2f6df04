"""The JSON Schema of policies: what an editor can say of one while it is written. The loader has the last word."""
