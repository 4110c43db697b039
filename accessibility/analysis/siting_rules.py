"""What a choice of sites must obey beside its number: zones, a budget, sets not to be chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SLACK = 1e-9
"""By how much, as a share, a limit may be missed: what sums of floats can tell."""


@dataclass(frozen=True)
class Rules:
    """A choice y of candidates, 0 or 1 each, obeys where `rows @ y <= limits`.

    Attributes
    ----------
    rows : float array (rules, candidates)
        Above 0 where a candidate uses up what is limited; below 0 where it gives what is needed.
    limits : float array (rules,)
        Below 0 where something is needed.
    names : tuple of str
        What each rule is called in a message.

    Examples
    --------
    >>> rules = at_most(np.array([[1.0, 1.0, 0.0]]), np.array([1.0]), ["one in the canton"])
    >>> rules.obeyed(np.array([0, 2])), rules.obeyed(np.array([0, 1]))
    (True, False)
    """

    rows: Floats
    limits: Floats
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.limits)

    @property
    def need_some(self) -> bool:
        """Whether a rule asks for sites, so that fewer may be worse."""
        return bool((self.rows < 0).any())

    def obeyed(self, chosen: Ints) -> bool:
        """Whether a choice obeys all rules."""
        return bool((self.rows[:, chosen].sum(axis=1) <= self._upper).all())

    def beside(self, chosen: Ints) -> Bools:
        """Which candidates may come next: nothing is used up that is not there."""
        after = self.rows[:, chosen].sum(axis=1)[:, None] + self.rows
        fits = (after <= self._upper[:, None]) | (self.rows <= 0)
        fitting: Bools = fits.all(axis=0)
        needed = self.rows[:, chosen].sum(axis=1) > self._upper
        short = np.flatnonzero(needed & (self.rows < 0).any(axis=1))
        if len(short):
            fitting &= self.rows[short[0]] < 0
        return fitting

    def instead(self, kept: Ints) -> Bools:
        """Which candidates, one of them beside those that are kept, obey all rules."""
        after = self.rows[:, kept].sum(axis=1)[:, None] + self.rows
        obeying: Bools = (after <= self._upper[:, None]).all(axis=0)
        return obeying

    def after(self, forced: Ints, left: Ints) -> Rules:
        """The rules for some candidates where others are chosen already."""
        return self.beside_these(forced).of(left)

    def beside_these(self, forced: Ints) -> Rules:
        """The rules for what is chosen beside some candidates."""
        return replace(self, limits=self.limits - self.rows[:, forced].sum(axis=1))

    def of(self, left: Ints | Bools) -> Rules:
        """The rules for some candidates, none of the others chosen."""
        return replace(self, rows=self.rows[:, left])

    def kinds(self) -> Ints:
        """Candidates of one kind are alike to all rules."""
        if not len(self):
            return np.zeros(self.rows.shape[1], dtype=np.int64)
        kind = np.unique(self.rows, axis=1, return_inverse=True)[1]
        return kind.reshape(-1).astype(np.int64)

    def also(self, other: Rules) -> Rules:
        """Both these rules and others."""
        return Rules(
            np.vstack([self.rows, other.rows]),
            np.r_[self.limits, other.limits],
            self.names + other.names,
        )

    def without(self, chosen: Ints) -> Rules:
        """These rules, and that not all of a choice are chosen together (a no-good cut)."""
        row = np.zeros((1, self.rows.shape[1]))
        row[0, chosen] = 1.0
        return self.also(Rules(row, np.array([len(chosen) - 1.0]), ("another set",)))

    @property
    def _upper(self) -> Floats:
        upper: Floats = self.limits + SLACK * np.maximum(1.0, np.abs(self.limits))
        return upper


def no_rules(candidates: int) -> Rules:
    """Nothing to obey."""
    return Rules(np.zeros((0, candidates)), np.zeros(0))


def at_most(rows: Floats, limits: Floats, names: list[str]) -> Rules:
    """Sums over the candidates that must not be above their limits."""
    return Rules(np.asarray(rows, dtype=float), np.asarray(limits, dtype=float), tuple(names))


def at_least(rows: Floats, needs: Floats, names: list[str]) -> Rules:
    """Sums over the candidates that must not be below their needs."""
    return at_most(-np.asarray(rows, dtype=float), -np.asarray(needs, dtype=float), names)
