"""Scenarios: sandboxes with a story, one YAML file each. Those in `ready/` come with the package; docs/scenarios.md."""
