"""Random and hostile input for whatever reads what strangers send, held against references and laws: `make fuzz`."""
