"""A second, independent implementation of the policy decision, written from the documents: plain and slow.

It shares no code with the layer, and abstains where the documents leave a case open.
"""
