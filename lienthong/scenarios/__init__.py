"""Scenarios: YAML files that describe a sandbox with its dossiers. `ready/` is part of the package. docs/scenarios.md"""
