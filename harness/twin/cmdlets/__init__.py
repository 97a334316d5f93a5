"""Domain cmdlets of the simulated nodes: thin functions over the model's state, with the product's names and shapes."""

from __future__ import annotations

from harness.twin.cmdlets import (
    accountchanges,
    cauroles,
    cim,
    cimmethods,
    cimsessions,
    clusteractions,
    clustermore,
    clusternetworks,
    clusterparameters,
    clusterresources,
    diagnosticdata,
    drives,
    ececlient,
    exceptiontypes,
    filechanges,
    filemethods,
    filenames,
    files,
    groupactions,
    hypervcontrol,
    hypervparts,
    hypervsettings,
    mocnodes,
    planactions,
    power,
    processes,
    registry,
    searching,
    services,
    storagemaintenance,
    storagesettings,
    timezone,
    volumes,
)
from harness.twin.cmdlets.accounts import ACCOUNTS, register_account_views
from harness.twin.cmdlets.archives import ARCHIVE
from harness.twin.cmdlets.azmodules import AZ_ACCOUNTS, AZ_MACHINES, AZ_RESOURCES
from harness.twin.cmdlets.cau import CAU
from harness.twin.cmdlets.cluster import CLUSTERS
from harness.twin.cmdlets.clusterowners import SECURITY_AGENT
from harness.twin.cmdlets.computer import CIM, MANAGEMENT
from harness.twin.cmdlets.diagnosticdata import OBSERVABILITY
from harness.twin.cmdlets.events import DIAGNOSTICS
from harness.twin.cmdlets.features import MANAGER, SECURE_BOOT, TPM, register_feature_views
from harness.twin.cmdlets.hyperv import HYPERV
from harness.twin.cmdlets.interactive import TRACE
from harness.twin.cmdlets.jobs import JOBS, register_job_views
from harness.twin.cmdlets.mocnodes import CLOUD, MOC
from harness.twin.cmdlets.network import NETWORK_MODULES, register_network_views
from harness.twin.cmdlets.operatorviews import register_operator_views
from harness.twin.cmdlets.osconfig import OSCONFIG
from harness.twin.cmdlets.plans import PLANS
from harness.twin.cmdlets.protection import BITLOCKER, SECURITY
from harness.twin.cmdlets.psget import GET
from harness.twin.cmdlets.registration import HCI
from harness.twin.cmdlets.remoting import REMOTING
from harness.twin.cmdlets.servicing import DISM
from harness.twin.cmdlets.starting import UTILITY
from harness.twin.cmdlets.storage import STORAGE
from harness.twin.cmdlets.tasks import TASKS, register_task_views
from harness.twin.cmdlets.updates import UPDATES
from harness.twin.cmdlets.updatesettings import STAMP
from harness.twin.cmdlets.validators import CHECKER
from harness.twin.cmdlets.views import register_views
from harness.twin.cmdlets.windowsfacts import INTERNATIONAL, SMB
from harness.twin.cmdlets.wsmanconfig import WSMAN_CONFIG, register_wsman_config_views
from harness.twin.shell.commands.api import CommandTable
from harness.twin.shell.commands.core import CORE

__all__ = [
    "accountchanges",
    "cauroles",
    "cim",
    "cimmethods",
    "cimsessions",
    "clusteractions",
    "clustermore",
    "clusternetworks",
    "clusterparameters",
    "clusterresources",
    "diagnosticdata",
    "drives",
    "ececlient",
    "exceptiontypes",
    "filechanges",
    "filemethods",
    "filenames",
    "files",
    "groupactions",
    "hypervcontrol",
    "hypervparts",
    "hypervsettings",
    "mocnodes",
    "node_commands",
    "planactions",
    "power",
    "processes",
    "registry",
    "searching",
    "services",
    "storagemaintenance",
    "storagesettings",
    "timezone",
    "volumes",
]

_MODULES = (
    REMOTING,
    UPDATES,
    PLANS,
    CLUSTERS,
    STORAGE,
    HYPERV,
    CAU,
    MANAGEMENT,
    CIM,
    CHECKER,
    DIAGNOSTICS,
    ACCOUNTS,
    MANAGER,
    SECURE_BOOT,
    TPM,
    UTILITY,
    STAMP,
    WSMAN_CONFIG,
    HCI,
    TASKS,
    OBSERVABILITY,
    MOC,
    CLOUD,
    ARCHIVE,
    BITLOCKER,
    SECURITY,
    GET,
    DISM,
    TRACE,
    SMB,
    INTERNATIONAL,
    OSCONFIG,
    SECURITY_AGENT,
    AZ_ACCOUNTS,
    AZ_RESOURCES,
    AZ_MACHINES,
    JOBS,
    *NETWORK_MODULES,
)


def node_commands() -> CommandTable:
    """All commands of a node: those that every machine has, and the domain's."""
    register_views()
    register_account_views()
    register_feature_views()
    register_task_views()
    register_operator_views()
    register_job_views()
    register_wsman_config_views()
    register_network_views()
    clusternetworks.register_cluster_network_views()
    cimsessions.register_cim_session_views()
    return CORE.extended(*(module.table for module in _MODULES))
