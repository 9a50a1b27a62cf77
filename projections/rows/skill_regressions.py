"""Versions of skills of which it was said that they cost far more than the ones before them."""

from domain.skill_regression import SkillRegression, evolve_regression
from projections.rows.entity import Entity

SKILL_REGRESSIONS = Entity(
    name="skill_regression", state=SkillRegression, identity="version_id", evolve=evolve_regression, replaces=True,
)  # fmt: skip
