"""Discrete-event model of an Azure Local cluster under a solution update.

``ClusterModel(ModelSpec(...))`` is a whole plant: machines, failover cluster, storage, guests, update services.  Lab
time is integer nanoseconds since ``ModelSpec.epoch``; all randomness comes from named streams of one seed, all numbers
from ``fixtures/catalogs``.  What happens is on ``ClusterModel.events``; what is, in the state objects.
"""

from __future__ import annotations

from harness.twin.model.calibration import Calibration, CalibrationError
from harness.twin.model.catalog import CatalogError, Catalogs, load_catalogs
from harness.twin.model.cluster import ClusterModel, Operation
from harness.twin.model.errors import ModelError
from harness.twin.model.events import ModelEvent
from harness.twin.model.reachability import Reachability
from harness.twin.model.spec import DEFECTS, GuestSpec, ModelSpec, PlantedCause

__all__ = [
    "DEFECTS",
    "Calibration",
    "CalibrationError",
    "CatalogError",
    "Catalogs",
    "ClusterModel",
    "GuestSpec",
    "ModelError",
    "ModelEvent",
    "ModelSpec",
    "Operation",
    "PlantedCause",
    "Reachability",
    "load_catalogs",
]
