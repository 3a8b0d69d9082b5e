"""A stand-in for the national payment platform, with the protocol of the real one; the money is invented."""
