"""Known mistakes, planted into the package, and the checks that catch them (lessons 06 and 14).

`make_table()` plants one after the other and asks six checks:

    central, complex   the gradient checks of gradcheck/
    identity           log p(x) - ELBO = KL(q || posterior), by quadrature      (this and the next three:
                       objective.py)
    moments            is the spread of z the sigma that goes into the KL?
    duplication        every image twice in the batch: the same loss and the same gradient
    weights            E[w] = p(x) for the weights of the importance-weighted bound, by quadrature

A gradient check catches whatever backward does otherwise than forward, and is blind to what both do wrong.
"""

from .mistakes import GRADIENT, MUTANTS, OBJECTIVE, Mutant
from .table import CHECKS, Line, Table, make_table

__all__ = ["CHECKS", "GRADIENT", "MUTANTS", "OBJECTIVE", "Line", "Mutant", "Table", "make_table"]
