"""The control plane of sandboxes: rows, clock, fault rules, settle, and the check of scenarios."""
