"""For us: generators, proof and measurement; not in the wheel."""
