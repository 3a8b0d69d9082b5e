"""A quarter of a province's dossiers in one sandbox, online and through the batch door, at most a few minutes long."""
