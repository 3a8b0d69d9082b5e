"""Control endpoints under `/_lab/` that all services share."""
