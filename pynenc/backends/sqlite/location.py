"""Where the database file lies, and whether it can lie there."""

import os
from pathlib import Path

from pynenc.backends.sqlite.failures import FailuresTranslated, unavailable
from pynenc.conf.project import project_dir

#: Folder of the state of an application that names no path.
STATE_FOLDER = ".pynenc"
DATABASE_NAME = "pynenc.db"

#: File systems of the network, as Linux calls them. SQLite's write-ahead log needs memory shared by all processes
#: that use the file, which two machines do not have: there it does not fail, it damages the file.
_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs"})

_MOUNTS = Path("/proc/self/mountinfo")


def default_database_path(working_dir: Path | None = None) -> Path:
    """``.pynenc/pynenc.db`` beside the nearest ``pyproject.toml`` upward, else in the working directory."""
    return project_dir(working_dir or Path.cwd()) / STATE_FOLDER / DATABASE_NAME


def prepare_folder(path: Path) -> None:
    """Create the folder of a database file if it is not there.

    Raises:
        StoreUnavailableError: it cannot be created or written, or lies on a network file system.
    """
    folder = path.parent
    with FailuresTranslated(path):
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == STATE_FOLDER and not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    if not os.access(folder, os.W_OK | os.X_OK):
        # SQLite keeps its log beside the file; without this check it says so only at the first write.
        raise unavailable(
            path,
            f"its folder cannot be written by this process (user {os.geteuid()})",
            "Give the process the rights to write there, or set sqlite_db_path to a path in another folder.",
        )
    file_system = file_system_of(folder)
    if file_system in _NETWORK_FILE_SYSTEMS:
        raise unavailable(
            path,
            f"it lies on a network file system ({file_system}), where several machines would damage it",
            "Set sqlite_db_path to a path on a local disk; for several machines take a server (Redis, MongoDB).",
        )


def file_system_of(folder: Path) -> str | None:
    """The type of the file system a folder is on, where the system tells (Linux)."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = os.path.realpath(folder)
    best, found = "", None
    for mount in mounts:
        place, _, kind = mount.partition(" - ")
        # Spaces in a path are written as \040.
        mount_point = place.split(" ")[4].replace("\\040", " ")
        inside = real == mount_point or real.startswith(mount_point.rstrip("/") + "/")
        # The last of equals lies on top of the others.
        if inside and len(mount_point) >= len(best):
            best, found = mount_point, kind.split(" ", 1)[0]
    return found
