"""`import opengraphs` in a Python that has none: `og run` puts this folder on PYTHONPATH.

This module becomes the real package: the folder above this one, whose SDK needs nothing
but the standard library and Python 3.8.
"""

import os
import sys
from importlib.machinery import SourceFileLoader

_package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
__path__ = [_package]
__file__ = os.path.join(_package, "__init__.py")
__package__ = __name__
__loader__ = SourceFileLoader(__name__, __file__)
__spec__.loader = __loader__
__spec__.origin = __file__
__spec__.submodule_search_locations = __path__
__loader__.exec_module(sys.modules[__name__])
