"""Known mistakes, planted into the package, and the checks that catch them (lessons 06 and 14).

`make_table()` plants one after the other and asks the gradient checks of gradcheck/, by central differences
and by complex step, and the checks of objective.py: identity, moments, spread, duplication, weights.

A gradient check catches whatever backward does otherwise than forward, and is blind to what both do wrong.
"""

from .mistakes import GRADIENT, MUTANTS, OBJECTIVE
from .planting import Mutant
from .table import CHECKS, Line, Table, make_table

__all__ = ["CHECKS", "GRADIENT", "MUTANTS", "OBJECTIVE", "Line", "Mutant", "Table", "make_table"]
