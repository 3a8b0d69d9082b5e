"""Generators of everything that is computed from the code: contracts, documents, pages."""
