"""Journeys of a dossier, for demonstrations, proofs and measurements."""
