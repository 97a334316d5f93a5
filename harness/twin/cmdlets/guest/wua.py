"""Windows Update's COM objects: ``New-Object -ComObject Microsoft.Update.Session`` and what hangs on it.

[D] W32 Wua_Sdk: names, results, and what a remote log-on may not do (downloader, installer, SystemInformation);
[P] Windows Server 2025 denies it the searcher too.  A process of the guest's own (a SYSTEM task) may do everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from harness.twin.cmdlets.guest.com import (
    E_ACCESSDENIED,
    ComCollection,
    add_method,
    add_reading,
    add_value,
    com_error,
    com_object,
    signed,
)
from harness.twin.cmdlets.guest.criteria import CriteriaError, Facts, parse_criteria, takes
from harness.twin.cmdlets.guest.modules import UTILITY, machine_of, run_core
from harness.twin.cmdlets.guest.updates import FAILED, SUCCEEDED, history_object, update_object, updates_of
from harness.twin.model.errors import ModelError
from harness.twin.model.windows.catalog import GuestUpdate
from harness.twin.model.windows.plant import Work
from harness.twin.model.windows.state import GuestOs
from harness.twin.shell.commands.api import Call
from harness.twin.shell.commands.core import CORE
from harness.twin.shell.objects import PSObject
from harness.twin.shell.text import to_text
from harness.twin.units import NS_PER_DAY, NS_PER_S

INVALID_CRITERIA: Final = 0x80240032
INSTALL_NOT_ALLOWED: Final = 0x80240016
NO_UPDATE: Final = 0x80240024
NOT_PROCESSED: Final = 0x80240035
CLASS_NOT_REGISTERED: Final = 0x80040154
_LONGEST_S: Final = NS_PER_DAY / NS_PER_S
"""A bound for the simulation: an installation that takes longer than a day has hung."""
_DECLARED: Final = CORE.find("New-Object")


@UTILITY.cmdlet("New-Object", *(_DECLARED.parameters if _DECLARED else ()), default_set="Net")
def new_object(call: Call) -> Iterable[object] | None:
    """Windows Update's COM objects; .NET objects as everywhere."""
    if not call.has("ComObject"):
        return run_core("New-Object", call)
    name = call.text("ComObject")
    maker = _CLASSES.get(name.lower())
    if maker is None:
        text = (
            "Retrieving the COM class factory for component with CLSID {00000000-0000-0000-0000-000000000000} failed "
            f"due to the following error: {CLASS_NOT_REGISTERED:x} Class not registered "
            f"(Exception from HRESULT: 0x{CLASS_NOT_REGISTERED:X} (REGDB_E_CLASSNOTREG))."
        )
        kind = "System.Runtime.InteropServices.COMException"
        raise call.fail(text, "NoCOMClassIdentified", "ResourceUnavailable", name, kind)
    return [maker(call.host, machine_of(call))]


def _is_remote(host: Any) -> bool:
    return str(host.logon) == "network"


def _require_local(host: Any) -> None:
    """Raises the refusal that a network log-on gets."""
    if _is_remote(host):
        raise com_error(E_ACCESSDENIED)


def _session(host: Any, machine: GuestOs) -> PSObject:
    made = com_object("Microsoft.Update.Session")
    add_value(made, "ClientApplicationID", "")
    add_value(made, "ReadOnly", False)

    def searcher() -> PSObject:
        if _is_remote(host) and not machine.system.remote_search:
            raise com_error(E_ACCESSDENIED)
        return _searcher(host, machine)

    def local(make: Callable[[Any, GuestOs, PSObject], PSObject]) -> Callable[[], PSObject]:
        def create() -> PSObject:
            _require_local(host)
            return make(host, machine, made)

        return create

    add_method(made, "CreateUpdateSearcher", searcher)
    add_method(made, "CreateUpdateDownloader", local(_downloader))
    add_method(made, "CreateUpdateInstaller", local(_installer))
    return made


def _searcher(host: Any, machine: GuestOs) -> PSObject:
    made = com_object("Microsoft.Update.Searcher")
    add_value(made, "ServerSelection", 0)
    add_value(made, "ServiceID", "")
    add_value(made, "Online", True)

    def search(criteria: object = "") -> PSObject:
        try:
            wanted = parse_criteria(to_text(criteria))
        except CriteriaError:
            raise com_error(INVALID_CRITERIA) from None
        host.wait(host.model.windows.search_s(machine))
        offered = host.model.windows.search(machine)
        installed = [host.model.windows.catalog.update(kb.kb) for kb in machine.kbs]
        staged = [machine.staged] if machine.staged is not None else []
        known = [(item, False) for item in (*offered, *staged)] + [(item, True) for item in installed]
        found = [
            update_object(machine, item, installed=is_installed)
            for item, is_installed in known
            if takes(wanted, Facts(machine.update_ids[item.kb], is_installed, item is machine.staged))
        ]
        return _search_result(found)

    def query_history(first: int = 0, count: int = 0) -> ComCollection:
        newest = list(reversed(machine.history))
        return ComCollection(history_object(host, machine, item) for item in newest[first : first + count])

    add_method(made, "Search", search)
    add_method(made, "QueryHistory", query_history)
    add_method(made, "GetTotalHistoryCount", lambda: len(machine.history))
    return made


def _search_result(found: Iterable[object]) -> PSObject:
    made = com_object("ISearchResult")
    add_value(made, "ResultCode", SUCCEEDED)
    add_value(made, "RootCategories", ComCollection())
    add_value(made, "Updates", ComCollection(found))
    add_value(made, "Warnings", ComCollection())
    return made


def _downloader(host: Any, machine: GuestOs, session: PSObject) -> PSObject:
    del session
    made = com_object("Microsoft.Update.Downloader")
    add_value(made, "Updates", ComCollection())
    add_value(made, "Priority", 2)
    add_value(made, "IsForced", False)

    def download() -> PSObject:
        updates = _wanted(host, made)
        work: Work = host.model.windows.download(machine, updates)
        _await(host, work)
        return _result("IDownloadResult", [(SUCCEEDED, 0, False)] * len(updates))

    add_method(made, "Download", download)
    return made


def _installer(host: Any, machine: GuestOs, session: PSObject) -> PSObject:
    made = com_object("Microsoft.Update.Installer")
    add_value(made, "Updates", ComCollection())
    for name, value in (("AllowSourcePrompts", True), ("ForceQuiet", False), ("IsForced", False)):
        add_value(made, name, value)
    add_reading(made, "IsBusy", lambda: machine.installing)
    add_reading(made, "RebootRequiredBeforeInstallation", lambda: machine.restart_pending)

    def install() -> PSObject:
        updates = _wanted(host, made)
        ready = [update for update in updates if update.kb in machine.downloaded]
        if ready:
            try:
                work: Work = host.model.windows.install(machine, ready, to_text(session.get("ClientApplicationID")))
            except ModelError:
                raise com_error(INSTALL_NOT_ALLOWED) from None
            _await(host, work)
        # That an update which was not downloaded is reported as not processed is [INF].
        outcomes = [
            (SUCCEEDED, 0, update.needs_restart) if update in ready else (FAILED, signed(NOT_PROCESSED), False)
            for update in updates
        ]
        return _result("IInstallationResult", outcomes)

    add_method(made, "Install", install)
    return made


def _wanted(host: Any, owner: PSObject) -> list[GuestUpdate]:
    """The updates that were put into ``Updates``.  Raises NetError when there are none."""
    updates = updates_of(host, owner.get("Updates"))
    if not updates:
        raise com_error(NO_UPDATE)
    return updates


def _await(host: Any, work: Work) -> None:
    host.wait(_LONGEST_S, lambda: work.done)


def _result(name: str, outcomes: Sequence[tuple[int, int, bool]]) -> PSObject:
    """Result of a download or installation: worst of the parts ([D] OperationResultCode)."""
    codes = {code for code, _, _ in outcomes}
    whole = outcomes[0][0] if len(codes) == 1 else 3
    made = com_object(name)
    add_value(made, "ResultCode", whole)
    add_value(made, "HResult", next((hresult for _, hresult, _ in outcomes if hresult), 0))
    add_value(made, "RebootRequired", any(restart for _, _, restart in outcomes))

    def part(index: int) -> PSObject:
        code, hresult, restart = outcomes[index]
        one = com_object(name.replace("Result", "UpdateResult"))
        for field, value in (("ResultCode", code), ("HResult", hresult), ("RebootRequired", restart)):
            add_value(one, field, value)
        return one

    add_method(made, "GetUpdateResult", part)
    return made


def _system_information(host: Any, machine: GuestOs) -> PSObject:
    made = com_object("Microsoft.Update.SystemInfo")

    def restart_required() -> bool:
        _require_local(host)
        return machine.restart_pending

    add_reading(made, "RebootRequired", restart_required)
    return made


_CLASSES: Final[dict[str, Callable[[Any, GuestOs], PSObject | ComCollection]]] = {
    "microsoft.update.session": _session,
    "microsoft.update.updatecoll": lambda host, machine: ComCollection(),
    "microsoft.update.systeminfo": _system_information,
}
