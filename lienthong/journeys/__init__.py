"""Journeys of dossiers, for the demo, the proof and the benchmark."""
