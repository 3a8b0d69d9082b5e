"""Control endpoints under `/_lab/` that every service has."""
