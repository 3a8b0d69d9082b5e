"""Tables and transactions: the database, stored documents, migrations."""
