"""Proves that the programs of examples/connectors can be provinces: whole journeys, with a kill -9 in the middle."""
