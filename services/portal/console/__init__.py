"""The console, for integrators and developers: what happens in a sandbox now, why, and every control of it."""
