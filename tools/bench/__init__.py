"""Measures the running country and writes what it found, each figure beside its ceiling taken in the same run.

What is measured runs as it always does: real processes, found by their doors, watched in their databases. Load and
ceilings are processes of their own, so that they cost what they cost on every machine.
"""
