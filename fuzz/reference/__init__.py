"""The policy decision once more, written from the documents and for nothing but plainness: slow, and of no use else.

It shares no code with the layer. Where the documents leave a case open it abstains.
"""
