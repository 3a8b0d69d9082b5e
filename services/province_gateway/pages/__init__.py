"""The officer pages: the provinces, their inboxes, a dossier with its lawful moves, the counter, the slips."""
