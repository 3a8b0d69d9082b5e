"""`lienthong doctor`: facts of this machine (`machine.py`), and what is wrong with them (`checks.py`)."""
