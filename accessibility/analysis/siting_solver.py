"""One mixed-integer program, solved by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from highspy._core import _Highs

from accessibility.analysis.siting_rules import Rules

Floats = npt.NDArray[np.float64]

REL_GAP = 1e-9
"""Gap at which a solution counts as optimal: what sums of floats can tell."""
TOLERANCE = 1e-9
"""By how much a row may be missed; HiGHS allows no less than 1e-10."""


@dataclass(frozen=True)
class Program:
    """Least `cost @ v` over `rows @ v >= least`, `0 <= v <= upper`, the first `whole` of v whole.

    Attributes
    ----------
    cost, upper : float array (variables,)
    rows : CSR array (rows, variables)
    least : float array (rows,)
    whole : int
    """

    cost: Floats
    upper: Floats
    rows: Any
    least: Floats
    whole: int

    def also(self, row: Floats, least: float) -> Program:
        """The program with one more row."""
        rows = sp.vstack([self.rows, sp.csr_array(row.reshape(1, -1))], format="csr")
        return replace(self, rows=rows, least=np.r_[self.least, least])

    def obeying(self, rules: Rules) -> Program:
        """The program with rules, whose candidates are its whole variables."""
        program = self
        others = np.zeros(len(self.cost) - self.whole)
        for row, limit in zip(rules.rows, rules.limits, strict=True):
            program = program.also(np.r_[-row, others], -limit)
        return program


@dataclass(frozen=True)
class Answer:
    """What HiGHS found: values (None if none), lower bound, and how it ended."""

    values: Floats | None
    bound: float
    optimal: bool
    infeasible: bool


def solve(program: Program, *, time_limit_s: float, abs_gap: float = 0.0) -> Answer:
    """Solve a program.

    Parameters
    ----------
    program : Program
    time_limit_s : float
    abs_gap : float
        Gap that proves an optimum: just under 1 where all values are whole numbers.

    Notes
    -----
    No solution to start from is given: HiGHS 1.16 then called a few of them optimal that were
    not, 3 of 4,000 small p-medians (tests/test_siting.py keeps them). What it calls optimal
    counts as proven only where the values cost what the bound says.
    """
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = program.rows.shape
    model.col_cost_ = program.cost
    model.col_lower_ = np.zeros(len(program.cost))
    model.col_upper_ = program.upper
    model.row_lower_ = program.least
    model.row_upper_ = np.full(len(program.least), highspy.kHighsInf)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = program.rows.indptr.astype(np.int32)
    model.a_matrix_.index_ = program.rows.indices.astype(np.int32)
    model.a_matrix_.value_ = program.rows.data.astype(float)
    kinds = [highspy.HighsVarType.kInteger] * program.whole
    kinds += [highspy.HighsVarType.kContinuous] * (len(program.cost) - program.whole)
    model.integrality_ = kinds
    # highspy.Highs prints a banner to standard output before one can silence it
    highs: Any = _Highs()
    settings = {
        "output_flag": False,
        "parallel": "off",  # the same answer on any machine
        "time_limit": max(float(time_limit_s), 0.0),
        "mip_rel_gap": REL_GAP,
        "mip_abs_gap": abs_gap,
        "mip_feasibility_tolerance": TOLERANCE,
        "primal_feasibility_tolerance": TOLERANCE,
    }
    for name, value in settings.items():
        highs.setOptionValue(name, value)
    highs.passModel(model)
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    known = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.array(highs.getSolution().col_value) if known else None
    bound = float(info.mip_dual_bound)
    apart = np.inf if values is None else float(program.cost @ values) - bound
    return Answer(
        values=values,
        bound=bound,
        optimal=status == highspy.HighsModelStatus.kOptimal
        and apart <= max(abs_gap, 1e-6 * max(1.0, abs(bound))),
        infeasible=status == highspy.HighsModelStatus.kInfeasible,
    )
