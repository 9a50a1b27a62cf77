"""No read model of an entity is forgotten: it is written, and decisions can know it."""

import importlib
import pkgutil

from projections import rows
from projections.inline import ENTITIES, PROJECTIONS
from projections.rows.entity import Entity


def test_every_entity_is_written_by_a_projection_and_known_to_decisions() -> None:
    """Went red when ORCHESTRATOR_STATES was taken out of ENTITIES. Went red when the projection of agents was taken out
    of PROJECTIONS: they registered, and no list ever showed one."""
    modules = [importlib.import_module(each.name) for each in pkgutil.walk_packages(rows.__path__, "projections.rows.")]
    entities = [each for module in modules for each in vars(module).values() if isinstance(each, Entity)]
    assert {each.name for each in entities} == {each.name for each in ENTITIES}
    assert {each.table for each in entities} <= {table for each in PROJECTIONS for table in each.tables}
