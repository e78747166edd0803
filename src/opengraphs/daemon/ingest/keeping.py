"""Files that clients send: media of runs, files of projects, artifacts with their versions.

<run>/media/…                          what values of a run refer to
<store>/files/<project>/…              `trackio.save()`: files of no run
<store>/artifacts/<project>/blobs/sha256/<2 hex>/<digest>, versions.jsonl, uses.jsonl
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from opengraphs.daemon.ingest import calls, values
from opengraphs.daemon.ingest.desk import Desk, Sender
from opengraphs.daemon.ingest.uploads import Uploads
from opengraphs.errors import UsageError
from opengraphs.sdk import layout

FILES, ARTIFACTS = "files", "artifacts"
MAX_DEPTH = 8
_DIGEST = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"v(\d{1,9})")
_LISTED = ("name", "type", "description")


class Keeper:
    """Puts uploads where they belong; the ingest's thread."""

    def __init__(self, desk: Desk, uploads: Uploads) -> None:
        self._desk = desk
        self._uploads = uploads
        self._store = desk.store

    def bulk_upload_media(self, found: Mapping[str, Any], sender: Sender) -> None:
        """Each upload to its run, or its project. One that is wrong is kept in the quarantine."""
        self._each("bulk_upload_media", found, lambda upload: self._keep_media(upload, sender))

    def bulk_upload_artifact_blob(self, found: Mapping[str, Any], sender: Sender) -> None:
        """Blobs by their digest; one whose bytes have another digest is refused."""
        folder = self._artifacts(found, sender)
        self._each("bulk_upload_artifact_blob", found, lambda upload: self._keep_blob(folder, upload))

    def _each(self, api: str, found: Mapping[str, Any], keep: Callable[[dict[str, Any]], None]) -> None:
        for raw in calls.items(found.get("uploads")) or ():
            upload: Any = raw
            try:
                upload = calls.plain(raw)
                if not isinstance(upload, dict):
                    raise UsageError("an upload is no object")
                keep(upload)
            except (UsageError, calls.BadBodyError) as error:
                self._desk.quarantine.put(api, upload if isinstance(upload, dict) else bytes(raw), str(error))

    def _keep_media(self, upload: dict[str, Any], sender: Sender) -> None:
        file = upload.get("uploaded_file")
        source = self._uploads.take(file)
        name = values.media_name(str((file or {}).get("orig_name") or source.name))
        run, run_id = str(upload.get("run") or ""), str(upload.get("run_id") or "")
        project = str(upload.get("project") or "")
        folder = self._desk.folder_of(project, run_id, run, sender)
        if folder is not None and (run or run_id):
            target = folder / layout.MEDIA / name
        else:
            base = folder / layout.MEDIA if folder is not None else self._store
            owner = () if folder is not None else (values.media_name(project or "default"),)
            target = base.joinpath(FILES, *owner, *_below(upload.get("relative_path")), name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)

    # -- artifacts -------------------------------------------------------------------------------

    def _artifacts(self, found: Mapping[str, Any], sender: Sender) -> Path:
        project = str(calls.plain(found.get("project")) or "default")
        return artifacts_folder(self._store, project, run=sender.folder)

    def _keep_blob(self, folder: Path, upload: dict[str, Any]) -> None:
        source = self._uploads.take(upload.get("uploaded_file"))
        digest = str(upload.get("digest"))
        with source.open("rb") as file:
            real = _sha256(file)
        if real != digest:
            source.unlink(missing_ok=True)
            raise UsageError(f"the blob's digest is {real}, not {digest[:80]}")
        target = blob_path(folder, digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)

    def check_artifact_blobs(self, found: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
        """Which of these blobs are here."""
        folder = self._artifacts(found, sender)
        digests = [str(calls.plain(raw)) for raw in calls.items(found.get("digests")) or ()]
        return {
            "present": [
                digest
                for digest in digests
                if _DIGEST.fullmatch(digest) and blob_path(folder, digest).is_file()
            ]
        }

    def artifact_log(self, found: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
        """A version of an artifact: a new one, or the one that has just these files."""
        asked = {name: calls.plain(value) for name, value in found.items()}
        name, manifest = asked.get("name"), asked.get("manifest")
        if not isinstance(name, str) or not name or not isinstance(manifest, list) or not manifest:
            raise UsageError("an artifact has a name and a manifest with at least one entry")
        folder = self._artifacts(found, sender)
        aliases = [str(alias) for alias in asked.get("aliases") or ()]
        digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
        known = _records(folder / "versions.jsonl")
        versions = [record for record in known if record["name"] == name]
        same = next((record for record in versions if record["manifest_digest"] == digest), None)
        record = same or {
            "artifact_id": len({record["name"] for record in known} | {name}),
            "version_id": len({record["version_id"] for record in known}) + 1,
            "version": len({record["version"] for record in versions}),
            "name": name,
            "type": str(asked.get("type") or ""),
            "description": asked.get("description"),
            "metadata": asked.get("metadata"),
            "manifest": manifest,
            "manifest_digest": digest,
            "size_bytes": sum(_size(entry) for entry in manifest),
            "producer_run_id": asked.get("run_id"),
            "producer_run_name": asked.get("run_name"),
            "created_at": values.iso(time.time()),
        }
        record = {**record, "aliases": sorted({*record.get("aliases", ()), *aliases, "latest"})}
        if record != same:
            _append(folder / "versions.jsonl", record)
        return record

    def log_artifact_use(self, found: Mapping[str, Any], sender: Sender) -> None:
        """A run reads a version."""
        asked = {name: calls.plain(value) for name, value in found.items() if name != "hf_token"}
        _append(
            self._artifacts(found, sender) / "uses.jsonl", {**asked, "created_at": values.iso(time.time())}
        )

    def get_artifact_manifest(self, found: Mapping[str, Any], sender: Sender) -> dict[str, Any] | None:
        """The version that `v3`, an alias, or nothing (the latest) names."""
        name, spec = calls.plain(found.get("name")), calls.plain(found.get("spec")) or "latest"
        versions = _versions(self._artifacts(found, sender), str(name))
        number = _VERSION.fullmatch(str(spec))
        fits = (
            record
            for record in reversed(versions)
            if (record["version"] == int(number[1]) if number else spec in record["aliases"])
        )
        return next(fits, None)

    def get_artifacts(self, found: Mapping[str, Any], sender: Sender) -> list[dict[str, Any]]:
        """One line an artifact of the project, with its latest version."""
        folder = self._artifacts(found, sender)
        names = sorted({record["name"] for record in _records(folder / "versions.jsonl")})
        return [_summary(_versions(folder, name)) for name in names]

    def list_artifacts(self, found: Mapping[str, Any], sender: Sender) -> list[dict[str, Any]]:
        """As `get_artifacts`, with every version, the newest first."""
        folder = self._artifacts(found, sender)
        return [
            {**summary, "versions": list(reversed(_versions(folder, summary["name"])))}
            for summary in self.get_artifacts(found, sender)
        ]


def _summary(versions: list[dict[str, Any]]) -> dict[str, Any]:
    last = versions[-1]
    return {
        **{name: last[name] for name in _LISTED},
        "num_versions": len(versions),
        "latest_version": last["version"],
        "size_bytes": last["size_bytes"],
        "aliases": sorted({alias for record in versions for alias in record["aliases"]}),
        "created_at": versions[0]["created_at"],
    }


def artifacts_folder(store: Path, project: str, *, run: Path | None) -> Path:
    """Where a project's artifacts are; a client that may write into one run only has its own there."""
    base = store if run is None else run / layout.MEDIA
    return base / ARTIFACTS / values.media_name(project)


def blob_path(folder: Path, digest: str) -> Path:
    """Where a blob lies below a project's artifacts.

    Raises:
        UsageError: the digest is none.
    """
    if not _DIGEST.fullmatch(digest):
        raise UsageError(f"{digest[:80]!r} is no sha256 digest")
    return folder / "blobs" / "sha256" / digest[:2] / digest


def _versions(folder: Path, name: str) -> list[dict[str, Any]]:
    """The versions of one artifact in order; an alias is at the version that got it last."""
    newest: dict[int, dict[str, Any]] = {}
    holder: dict[str, int] = {}
    for record in _records(folder / "versions.jsonl"):
        if record["name"] == name:
            newest[record["version"]] = record
            holder.update(dict.fromkeys(record["aliases"], record["version"]))
    holder["latest"] = max(newest, default=0)
    return [
        {**record, "aliases": sorted(alias for alias, at in holder.items() if at == version)}
        for version, record in sorted(newest.items())
    ]


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            record = json.loads(line)
            found.append({**record, "version": int(record["version"]), "aliases": list(record["aliases"])})
        except (ValueError, LookupError, TypeError):
            continue  # a line that was cut short
    return found


def _append(path: Path, record: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(json.dumps(record).encode() + b"\n")


def _below(relative: object) -> list[str]:
    """Safe folder names of a client's relative path."""
    parts = PurePosixPath(str(relative or "").replace("\\", "/")).parts
    names = [values.media_name(part) for part in parts if part not in ("/", ".", "..")]
    return [name for name in names if name != FILES][:MAX_DEPTH]


def _size(entry: Any) -> int:
    size = entry.get("size") if isinstance(entry, dict) else None
    return size if isinstance(size, int) and size > 0 else 0


def _sha256(file: Any) -> str:
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
