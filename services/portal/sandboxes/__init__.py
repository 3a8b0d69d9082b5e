"""The control plane: who owns sandboxes, their clock, fault rules, scenarios, and when one is settled."""
