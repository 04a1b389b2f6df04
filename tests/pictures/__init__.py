"""The pictures of the documents, made by `make pictures`."""
