"""Finds import cycles, including imports for type checkers: `python -m tools.circles`; exit status 1 names one."""

import sys
from graphlib import CycleError, TopologicalSorter

import grimp

PACKAGES = ("services", "shared", "contracts", "lienthong", "tools")


def main() -> int:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as circle:
        print("A circle: " + " → ".join(reversed(circle.args[1])))
        return 1
    print(f"{len(imports)} modules, {sum(map(len, imports.values()))} imports, 0 circles.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
