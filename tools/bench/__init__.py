"""The benchmark: measures a running stack and compares each figure with a ceiling measured in the same run.

The stack runs as usual: real processes, used through their APIs and observed in their databases. The load and the
ceilings run in separate processes, so that they do not share an interpreter with what is measured.
"""
