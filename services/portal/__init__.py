"""The national portal: catalogue, submission, national copy of every dossier, payments; it owns the sandboxes."""
