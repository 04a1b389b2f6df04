"""The JSON Schema of policies, for editors. The loader has the last word."""
