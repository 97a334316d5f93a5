"""What lies on the drives at lab time 0: the folders which published guides look at ([D][T] file system map)."""

from __future__ import annotations

from harness.twin.model.files import SHARED, Drive, Folder, NodeFiles
from harness.twin.model.world import World
from harness.twin.units import BYTES_PER_GIB

DOWNLOAD_CACHE = "C:\\Windows\\SoftwareDistribution\\Download"
"""Cache of Windows Update, which the guide on free space clears [T]."""
SHARE = "C:\\ClusterStorage\\Infrastructure_1\\Shares\\SU1_Infrastructure_1"
"""Root of the update stack's shared files [D][T]."""
_LOCAL_FOLDERS = (
    "C:\\Windows\\System32",
    "C:\\Windows\\WinSxS",
    "C:\\Windows\\Temp",
    DOWNLOAD_CACHE,
    "C:\\Users\\HCIOrchestrator\\AppData\\Local\\Temp",
    "C:\\MASLogs",
    "C:\\UpdateDistribution",
)
_SHARED_FOLDERS = (
    f"{SHARE}\\import",
    f"{SHARE}\\Updates\\Packages",
    f"{SHARE}\\Updates\\HealthCheck\\System",
)


def make_shared_root() -> Folder:
    """The root of the cluster shared volumes, one for all machines."""
    return Folder(SHARED, elsewhere=True)


def make_node_files(world: World, shared: Folder, free_gb: float) -> NodeFiles:
    """A machine's files, with exactly *free_gb* left on C:; a drive too small for that is made larger.

    What the drive holds beyond Windows (page file, agents, logs) lies unlisted in its root.
    """
    sizes = world.calibration.files
    free = round(free_gb * BYTES_PER_GIB)
    held = sizes.windows.bytes + sizes.component_store.bytes
    drive = Drive(max(sizes.system_drive.bytes, free + held), Folder(""))
    drive.root.add(shared)
    files = NodeFiles(drive, lambda: world.now, frees=not world.spec.has_defect("cleanup_without_effect"))
    for path in (*_LOCAL_FOLDERS, *_SHARED_FOLDERS):
        files.make_folder(path)
    files.make_folder("C:\\Windows").unlisted_bytes = sizes.windows.bytes
    files.make_folder("C:\\Windows\\WinSxS").unlisted_bytes = sizes.component_store.bytes
    files.reclaimable_bytes = sizes.component_store_reclaimable.bytes
    drive.root.unlisted_bytes = drive.free_bytes - free
    return files


def make_volume_folders(shared: Folder, volumes: list[str]) -> None:
    """A folder for every cluster shared volume."""
    for name in volumes:
        if name.lower() not in shared.children:
            shared.add(Folder(name))
