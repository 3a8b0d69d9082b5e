"""The national portal: catalogue, submission, the national copy of every dossier, citizens' payments; owner of the sandboxes."""
