"""Random and hostile input for everything that reads untrusted input, checked by references and laws: `make fuzz`."""
