"""What og's app and canvas keep for themselves has names that Textual does not use for something else.

A private `_resize_timer` of ours once was Textual's, too: after a storm of resizes the last size never came.
"""

from __future__ import annotations

import ast
import inspect
from textwrap import dedent

import pytest
from textual.app import App
from textual.widget import Widget

from opengraphs.tui.app import OgApp
from opengraphs.tui.widgets.canvas import Canvas


def kept(cls: type) -> set[str]:
    """The attributes that a class's own methods assign on `self`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(dedent(inspect.getsource(cls))))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


@pytest.mark.parametrize(("ours", "theirs", "meant"), [(OgApp, App, {"theme"}), (Canvas, Widget, set())])
def test_no_attribute_of_ours_is_textuals(ours: type, theirs: type, meant: set[str]) -> None:
    above = theirs.__mro__[:-1]
    assert "_resize_timer" in kept(App)
    assert kept(ours) & set().union(*map(kept, above), dir(theirs)) == meant
