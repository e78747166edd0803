"""Names that nothing in a script defines: what fails only after an hour, when its line is reached."""

from __future__ import annotations

import ast
import builtins
import symtable

from opengraphs.guard.changes.names import words

_ALWAYS = frozenset(dir(builtins)) | words(
    "__name__ __file__ __doc__ __package__ __spec__ __loader__ __annotations__ __builtins__ __path__ __class__ __module__ "
    "__qualname__ __dict__ __debug__ WindowsError unicode"
)


def undefined_names(text: str, path: str) -> set[str]:
    """Global names that are used and never bound; none where `from … import *` may have bound them.

    Raises:
        SyntaxError: the text is no script.
    """
    tables = [symtable.symtable(text, path, "exec")]
    bound: set[str] = set()
    used: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        is_module = table.get_type() == "module"
        for symbol in table.get_symbols():
            bound_here = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
            if bound_here and (is_module or symbol.is_declared_global()):
                bound.add(symbol.get_name())
            elif symbol.is_referenced() and (is_module or symbol.is_global()):
                used.add(symbol.get_name())
    missing = used - bound - _ALWAYS
    return set() if missing and _imports_everything(text) else missing


def line_of(tree: ast.Module, name: str) -> int | None:
    """Where a name is first used."""
    found = (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name)
    return min(found, default=None)


def _imports_everything(text: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names)
        for node in ast.walk(ast.parse(text))
    )
