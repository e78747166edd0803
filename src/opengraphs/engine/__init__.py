"""Series, decimation, merge rules, filters and the index: pure answers, no sockets.

`EngineStore` is the one door: a store's runs as the daemon asks about them. Everything
it returns is made of plain dicts, lists, strings and numbers with the keys of
`opengraphs.protocol`, ready to be encoded; numbers that are not finite are already the
strings "NaN", "Infinity", "-Infinity".
"""

from opengraphs.engine.enginestore import Change, EngineStore

__all__ = ["Change", "EngineStore"]
