"""The proof: runs real processes under load, injects one fault after another, and then checks every promise."""
