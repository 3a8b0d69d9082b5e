"""The command `lienthong`: one file per family of verbs."""
