"""`lienthong doctor`: facts about this machine (`machine.py`), and checks of these facts (`checks.py`)."""
