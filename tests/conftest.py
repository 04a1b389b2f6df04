"""What holds for all tests."""

from hypothesis import settings

# A law holds or it does not; how long an example takes says only how busy the machine is.
settings.register_profile("laws", deadline=None)
settings.load_profile("laws")
