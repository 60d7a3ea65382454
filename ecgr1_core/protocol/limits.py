"""The limits of the protocol, loaded from `limits.toml` into one typed object.

It does not know what the rules make of them.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class LimitRow:
    """One row of the table, for showing: `source` is the citation in full."""

    name: str
    value: float
    unit: str
    source: str
    meaning: str


@dataclass(frozen=True)
class Limits:
    """Every limit by name; the unit is the end of the name, ratios and counts have none."""

    rate_low_bpm: float
    bradycardia_bpm: float
    rate_high_bpm: float
    adult_age_years: float
    plausible_qrs_mv: float
    terminal_wave_over_st_mv: float
    visible_first_mv: float
    reversal_flat_ii_mv: float
    reversal_other_mv: float
    sinus_p_axis_low_deg: float
    sinus_p_axis_high_deg: float
    p_axis_tolerance_deg: float
    rr_regular: float
    rr_irregular: float
    rr_beats: float
    af_p_share: float
    pr_share_of_rr: float
    sinus_arrhythmia_ms: float
    pause_ms: float
    flutter_ratio_tolerance: float
    p_duration_ms: float
    p_duration_all_leads_ms: float
    p_height_ii_mv: float
    p_terminal_v1_mv: float
    p_terminal_force_v1_mv_ms: float
    axis_left_deg: float
    axis_right_deg: float
    axis_right_border_deg: float
    axis_extreme_deg: float
    pr_short_ms: float
    pr_long_ms: float
    pr_first_degree_ms: float
    av_p_waves: float
    av_p_rate_high_per_min: float
    av_delay_low_ms: float
    av_delay_high_ms: float
    av_premature_p: float
    av_pause: float
    av_p_timing: float
    av_growth_ms: float
    av_constant_ms: float
    av_dissociation_ms: float
    av_dissociation_rate: float
    qrs_narrow_ms: float
    qrs_normal_ms: float
    qrs_wide_ms: float
    qrs_all_leads_ms: float
    qrs_tolerance_ms: float
    rbbb_s_ms: float
    irbbb_s_ms: float
    rbbb_r_prime_mv: float
    rbbb_r_prime_to_r: float
    lbbb_r_to_s_v1: float
    lbbb_q_to_r: float
    lbbb_r_ms: float
    lbbb_lead_qrs_ms: float
    lafb_axis_low_deg: float
    lafb_axis_high_deg: float
    lpfb_axis_low_deg: float
    sokolow_lyon_mv: float
    lvh_r_i_mv: float
    lvh_r_avl_mv: float
    cornell_male_mv: float
    cornell_female_mv: float
    lvh_adult_age_years: float
    romhilt_limb_mv: float
    romhilt_precordial_mv: float
    romhilt_qrs_ms: float
    romhilt_intrinsicoid_ms: float
    romhilt_estes_definite: float
    romhilt_estes_probable: float
    strain_st_mv: float
    dominant_r_v1: float
    rvh_r_v1_mv: float
    low_voltage_limb_mv: float
    low_voltage_precordial_mv: float
    poor_progression_r_v3_mv: float
    st_elevation_mv: float
    st_elevation_precordial_mv: float
    st_elevation_v2v3_male_young_mv: float
    st_elevation_v2v3_male_mv: float
    st_elevation_v2v3_female_mv: float
    st_elevation_age_years: float
    st_reciprocal_mv: float
    st_diffuse_leads: float
    pr_depression_mv: float
    pericarditis_st_to_t: float
    j_notch_mv: float
    lvh_st_to_qrs: float
    sgarbossa_concordant_mv: float
    sgarbossa_ratio: float
    st_depression_mv: float
    st_depression_marked_mv: float
    st_depression_leads: float
    st_upsloping_mv: float
    st_slight_mv: float
    digitalis_qtc_ms: float
    left_main_avr_mv: float
    left_main_leads: float
    t_inversion_mv: float
    t_low_to_r: float
    t_low_r_mv: float
    wellens_t_mv: float
    q_duration_ms: float
    q_duration_v2v3_ms: float
    q_depth_mv: float
    q_to_r: float
    q_wide_ms: float
    qtc_normal_ms: float
    qtc_male_ms: float
    qtc_female_ms: float
    qtc_high_risk_ms: float
    qt_tolerance_ms: float
    qtc_short_ms: float
    bazett_rate_low_bpm: float
    bazett_rate_high_bpm: float
    wide_qrs_qt_share: float
    tall_t_limb_mv: float
    tall_t_precordial_mv: float
    tented_t_width_ms: float
    tented_t_symmetry: float
    st_long_ms: float
    st_short_ms: float
    u_wave_mv: float
    u_wave_to_t: float


@cache
def limit_table() -> tuple[LimitRow, ...]:
    """Return every row of the table in its order; KeyError for a source that the table does not cite."""
    table = tomllib.loads((files("ecgr1_core.protocol") / "limits.toml").read_text(encoding="utf-8"))
    return tuple(
        LimitRow(name, float(row["value"]), row["unit"], table["sources"][row["source"]], row["meaning"])
        for name, row in table["limit"].items()
    )


@cache
def limits() -> Limits:
    """Return the limits; ValueError where the table and `Limits` do not name the same ones."""
    values = {row.name: row.value for row in limit_table()}
    names = {field.name for field in dataclasses.fields(Limits)}
    if names != set(values):
        raise ValueError(f"limits.toml and Limits differ in: {', '.join(sorted(names ^ set(values)))}")
    return Limits(**values)
