"""What each site offers: one of itself, the hours that it is open, or numbers of one's own."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.scores import refuse_numbers
from accessibility.errors import InputError, SettingError, first_of
from accessibility.inputs.opening_hours import opening_hours

Floats = npt.NDArray[np.float64]


def supply_of(sites: gpd.GeoDataFrame, supply: str | pd.Series) -> Floats:
    """Supply of each site, in the order given.

    Parameters
    ----------
    sites : GeoDataFrame
        `facility_id`; for "hours" the hours as `accessibility.inputs.opening_hours` reads them.
    supply : {"site", "hours"} or Series
        1 for each site; hours open in a week; or numbers, 0 or more, by `facility_id`. Those of
        other sites are of no effect.

    Returns
    -------
    float array (sites,)

    Raises
    ------
    SettingError
        For another supply.
    InputError
        If the supply of a site is not known, or is no finite number, 0 or more.

    Examples
    --------
    >>> import accessibility as acc
    >>> sites = acc.load_study("jura").sites.query("in_study")
    >>> float(supply_of(sites, "hours").sum())
    672.5
    """
    ids = pd.Index(sites["facility_id"].astype(str))
    if isinstance(supply, str) and supply == "site":
        return np.ones(len(ids))
    if isinstance(supply, str) and supply == "hours":
        return _weekly_hours(sites, ids)
    if not isinstance(supply, pd.Series):
        raise SettingError(
            f"the supply is {supply!r}; 'site', 'hours' or a Series by facility_id is expected."
        )
    told = supply.set_axis(supply.index.astype(str))
    if told.index.has_duplicates:
        twice = told.index[told.index.duplicated()].unique()
        raise InputError(f"the supply repeats sites {first_of(twice)}; each needs one number.")
    if not pd.api.types.is_numeric_dtype(told):
        raise InputError(f"the supply holds {told.dtype}; numbers are expected.")
    found: Floats = told.reindex(ids).to_numpy(dtype=float, na_value=np.nan)
    if (absent := np.isnan(found)).any():
        raise InputError(
            f"no supply is known of sites {first_of(ids[absent])}; each of the {len(ids)} sites "
            "that are counted needs a number: give it, or leave these sites out with sites of "
            "your own."
        )
    refuse_numbers(found, "the supply", "sites", ids.tolist())
    return found


def _weekly_hours(sites: gpd.GeoDataFrame, ids: pd.Index) -> Floats:
    read = opening_hours(sites)
    unknown = read.days.loc[read.days["status"] == "unknown", "facility_id"].unique()
    if len(unknown):
        raise InputError(
            f"the opening hours of sites {first_of(unknown)} are not known on every day; the "
            "supply by hours needs those of all sites: give their hours, or a supply of your own."
        )
    spans = read.intervals
    open_min = (spans["closes_min"] - spans["opens_min"]).groupby(spans["facility_id"]).sum()
    found: Floats = open_min.reindex(ids, fill_value=0).to_numpy(dtype=float) / 60.0
    return found
