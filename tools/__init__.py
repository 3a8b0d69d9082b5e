"""Tools for the developers: generators, proof and benchmark; not in the wheel."""
