"""The proof: real processes under load, broken one way after another, healed, and then held against every promise."""
