"""What runs inside training: `Run`, the journal writer, and what they need.

Stdlib only, Python 3.8-safe, and a folder that works alone on `sys.path`. Nothing is
imported here, so that the runner and the command line can take single modules;
`opengraphs` itself re-exports the public names of `opengraphs.sdk.api`.
"""
