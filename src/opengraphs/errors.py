"""Every error og reports, as one tree.

    OgError                 exit 1   our bug, when raised bare
    ├── UsageError          exit 2   the request itself is wrong
    ├── NotFoundError       exit 3   no such run, metric, file or script
    │   └── AmbiguousError  exit 3   more than one run fits
    ├── StoreError          exit 4   a store or run folder cannot be used
    │   ├── NotARunError    exit 4   the folder is no run
    │   ├── ConflictError   exit 4   somebody else was faster; retryable
    │   └── DiskFullError   exit 4   no space left; retryable
    ├── DaemonError         exit 5   ogd cannot be reached or started; retryable
    │   ├── UnreachableError exit 5  nobody listens on the socket, or hung up; retryable
    │   └── VersionError    exit 5   ogd speaks another protocol
    ├── ProcessError        exit 6   a training process cannot be started or reached
    ├── AgentError          exit 7   the agent or its model
    └── UserInterruptError  exit 130

Who reports an error stops it; who forwards it stays silent. `code` is stable and
travels on the wire and in `--json`; `hint` says what to do next; `path` names what
the error is about.
"""

from __future__ import annotations


class OgError(Exception):
    """Root of the tree. Bare, it means a defect in og itself."""

    code = "internal"
    exit_code = 1
    retryable = False
    http_status = 500

    def __init__(self, message: str, *, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path

    def to_wire(self) -> dict[str, dict[str, str]]:
        """The error shape of DESIGN section 5: `{"error": {code, message, hint, path}}`."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint, "path": self.path}}

    def __str__(self) -> str:
        return f"{self.message}: {self.path}" if self.path else self.message


class UsageError(OgError):
    code = "usage"
    exit_code = 2
    http_status = 400


class NotFoundError(OgError):
    code = "not_found"
    exit_code = 3
    http_status = 404


class AmbiguousError(NotFoundError):
    code = "ambiguous"
    http_status = 409


class StoreError(OgError):
    code = "store"
    exit_code = 4


class NotARunError(StoreError):
    code = "not_a_run"
    http_status = 404


class ConflictError(StoreError):
    code = "conflict"
    retryable = True
    http_status = 409


class DiskFullError(StoreError):
    code = "disk_full"
    retryable = True
    http_status = 507


class DaemonError(OgError):
    code = "daemon"
    exit_code = 5
    retryable = True
    http_status = 503


class UnreachableError(DaemonError):
    code = "daemon_unreachable"


class VersionError(DaemonError):
    code = "daemon_version"
    retryable = False
    http_status = 409


class ProcessError(OgError):
    code = "process"
    exit_code = 6


class AgentError(OgError):
    code = "agent"
    exit_code = 7


class UserInterruptError(OgError):
    code = "interrupted"
    exit_code = 130


def _subclasses(kind: type[OgError]) -> list[type[OgError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in _subclasses(child))]


def from_wire(reply: dict[str, dict[str, str]]) -> OgError:
    """The typed error behind a wire reply; an unknown code becomes a bare OgError."""
    body = reply.get("error", {})
    kinds = {kind.code: kind for kind in _subclasses(OgError)}
    kind = kinds.get(body.get("code", ""), OgError)
    return kind(body.get("message", "unknown error"), hint=body.get("hint", ""), path=body.get("path", ""))
