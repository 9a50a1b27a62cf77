"""The names under which clients look for entries of the audit trail and the feed."""

from typing import get_args

from domain.audit_entry import OBSERVED
from domain.audit_shapes import AUDIT_SHAPES
from domain.observation import Observed, ObservedType

OBSERVATIONS = OBSERVED
"""How the action of an observation begins; its observer says how it goes on."""

_SHAPES = [shape for kind, shape in AUDIT_SHAPES.items() if kind is not Observed]

ENTITY_TYPES = tuple(sorted({shape.entity_type for shape in _SHAPES} | {*get_args(ObservedType)}))
ACTIONS = tuple(sorted({shape.action for shape in _SHAPES}))
