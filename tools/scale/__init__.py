"""What a dossier costs when a million are stored, when there are thousands of sandboxes, and with two of every process."""
