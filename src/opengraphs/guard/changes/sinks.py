"""What a statement could reach beyond the training's own numbers: code, files, processes, network, environment.

Names are followed through `import … as`, `from … import` and plain assignment; they are never
believed to be harmless because they look so.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from opengraphs.guard.changes.names import words
from opengraphs.guard.changes.units import Unit

Aliases = dict[str, set[str]]
_CODE = words(
    "exec eval compile __import__ getattr setattr delattr globals locals vars breakpoint input __builtins__ __loader__ "
    "__spec__ object_getattribute"
)
_MODULES = {
    "process": "subprocess multiprocessing pty signal os sys threading asyncio concurrent _thread",
    "network": "socket ssl requests urllib urllib3 http httpx aiohttp ftplib smtplib telnetlib webbrowser xmlrpc paramiko boto3 websocket websockets huggingface_hub",
    "files": "shutil tempfile pathlib io glob fileinput mmap",
    "code": "ctypes cffi importlib builtins code codeop runpy pickle marshal shelve dill cloudpickle joblib gc inspect types ast dis imp pkgutil zipimport sysconfig site atexit weakref operator functools",
}
_BY_MODULE = {name: rule for rule, names in _MODULES.items() for name in names.split()}
_HARMLESS = words(
    "os.path os.environ.get os.getenv os.cpu_count os.sep os.getpid sys.argv sys.exit sys.version sys.version_info sys.platform "
    "sys.stdout sys.stderr sys.float_info sys.maxsize functools.partial functools.reduce functools.wraps operator.itemgetter "
    "operator.add operator.mul inspect.signature types.SimpleNamespace pathlib.Path"
)
_METHODS = {
    **dict.fromkeys(
        words(
            "write_text write_bytes unlink rmdir rmtree mkdir rename symlink_to hardlink_to chmod touch tofile save savez savez_compressed savetxt dump to_csv to_json to_pickle to_parquet save_pretrained push_to_hub writelines truncate copyfile"
        ),
        "files",
    ),
    **dict.fromkeys(
        words(
            "system popen Popen check_output check_call execv execve execvp spawnl spawnv fork kill killpg run_subprocess"
        ),
        "process",
    ),
    **dict.fromkeys(words("urlopen urlretrieve connect sendall"), "network"),
    **dict.fromkeys(words("load_module exec_module import_module"), "code"),
}
_LOADS = {"torch.load", "numpy.load", "torch.hub.load", "pandas.read_pickle"}
_PLAIN_DUNDERS = words(
    "__name__ __file__ __doc__ __init__ __len__ __call__ __getitem__ __iter__ __next__ __enter__ __exit__ __repr__ __str__ __version__ __main__ __post_init__"
)
_BUILTINS = frozenset(dir(builtins))
_SAYS = {
    "code": "runs or loads code that is not in the script",
    "process": "reaches other processes or the system",
    "network": "reaches the network",
    "files": "writes or removes files",
    "environment": "changes the environment",
}


def aliases_of(tree: ast.Module) -> Aliases:
    """What the names of a script stand for: `o` for `os`, `f` for `os.system`."""
    found: Aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                own = name.asname or name.name.partition(".")[0]
                found.setdefault(own, set()).add(name.name if name.asname else own)
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                found.setdefault(name.asname or name.name, set()).add(f"{node.module or ''}.{name.name}")
    for _ in range(3):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.NamedExpr | ast.AnnAssign) and isinstance(
                node.value, ast.Name | ast.Attribute
            ):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                known = {name for name in names_of(node.value, found) if _rule_of(name)}
                for target in targets:
                    if known and isinstance(target, ast.Name):
                        found.setdefault(target.id, set()).update(known)
    return found


def names_of(node: ast.AST, aliases: Aliases) -> set[str]:
    """The dotted names that an expression may stand for, calls and subscripts on the way left out."""
    tail: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            tail.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            break
    if not isinstance(node, ast.Name):
        return {".".join(["", *reversed(tail)])} if tail else set()
    return {".".join([root, *reversed(tail)]) for root in aliases.get(node.id, {node.id})}


def _rule_of(name: str) -> str:
    """The rule that a dotted name falls under, "" for none."""
    if name in _CODE or name in _LOADS:
        return "code"
    if any(name == one or name.startswith(f"{one}.") for one in _HARMLESS):
        return (
            "files"
            if name.rpartition(".")[2]
            in {"write_text", "write_bytes", "unlink", "rename", "replace", "touch", "open"}
            else ""
        )
    root = name.partition(".")[0]
    return _BY_MODULE.get(root, "") if root != name or root in {"ctypes", "builtins"} else ""


def sinks_in(unit: Unit, aliases: Aliases) -> Iterator[tuple[str, str]]:
    """(rule, text) of what this statement reaches."""
    yield from _definitions(unit, aliases)
    for node in unit.walk():
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield "imports", "imports are changed"
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from _named(node, aliases)
        elif isinstance(node, ast.Call):
            yield from _called(node, aliases)
        if isinstance(
            node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete | ast.For | ast.NamedExpr
        ):
            yield from _stored(node, aliases)


def _named(node: ast.Name | ast.Attribute, aliases: Aliases) -> Iterator[tuple[str, str]]:
    word = node.id if isinstance(node, ast.Name) else node.attr
    if word.startswith("__") and word.endswith("__") and word not in _PLAIN_DUNDERS:
        yield "code", f"{word} reaches behind the language"
    for name in names_of(node, aliases):
        if name.startswith("os.environ") or name in {"os.putenv", "os.unsetenv"}:
            if name not in {"os.environ", "os.environ.get"}:
                yield "environment", f"{name} {_SAYS['environment']}"
        elif rule := _rule_of(name):
            yield rule, f"{name} {_SAYS[rule]}"
    if isinstance(node, ast.Attribute) and word in _METHODS:
        yield _METHODS[word], f".{word} {_SAYS[_METHODS[word]]}"


def _called(node: ast.Call, aliases: Aliases) -> Iterator[tuple[str, str]]:
    names = names_of(node.func, aliases)
    opens = names & {"open", "io.open", "builtins.open", "codecs.open", "gzip.open"} or any(
        name.endswith(".open") for name in names
    )
    if opens and not _only_reads(node, method=isinstance(node.func, ast.Attribute)):
        yield "files", "open() for writing, or with a mode that cannot be seen"
    if any(one.arg == "trust_remote_code" for one in node.keywords):
        yield "code", "trust_remote_code runs code from elsewhere"


def _only_reads(node: ast.Call, *, method: bool) -> bool:
    modes = [one.value for one in node.keywords if one.arg == "mode"] + node.args[0 if method else 1 :][:1]
    if any(one.arg is None for one in node.keywords) or any(
        isinstance(one, ast.Starred) for one in node.args
    ):
        return False
    return all(
        isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) <= set("rbtU")
        for mode in modes
    )


def _stored(node: ast.AST, aliases: Aliases) -> Iterator[tuple[str, str]]:
    """Assignments to what is not the script's own: the environment, a module's attribute, a builtin's name."""
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    for target in targets:
        for one in ast.walk(target) if isinstance(target, ast.AST) else ():
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                if one.id in _BUILTINS or one.id in aliases:
                    yield "rebinds", f"{one.id} gets another meaning"
            elif isinstance(one, ast.Attribute | ast.Subscript) and not isinstance(one.ctx, ast.Load):
                for name in names_of(one, aliases):
                    if name.startswith("os.environ"):
                        yield "environment", f"{name} {_SAYS['environment']}"
                root = _root(one)
                if root in aliases and isinstance(one, ast.Attribute):
                    yield "rebinds", f"{'.'.join(sorted(aliases[root]))} is changed from outside"


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _definitions(unit: Unit, aliases: Aliases) -> Iterator[tuple[str, str]]:
    node = unit.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    if node.decorator_list:
        yield "decorator", f"{node.name} has a decorator, which runs when the script is read"
    is_method = ".".join(("", unit.where)).count(".") > 1
    if not is_method and (node.name in _BUILTINS or node.name in aliases):
        yield "rebinds", f"{node.name} gets another meaning"
    if node.name.startswith("__") and node.name not in _PLAIN_DUNDERS:
        yield "code", f"{node.name} reaches behind the language"


def has_sinks(tree: ast.Module, aliases: Aliases) -> bool:
    """Whether anything in a script could make a text into a command, code or an address."""
    risky = {"process", "code", "network", "files"}
    found = (
        (rule, node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
        for rule, _ in _named(node, aliases)
    )
    return any(rule in risky for rule, _ in found)
