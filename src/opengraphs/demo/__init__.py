"""A real training that comes with og: a small network learns handwritten digits.

`digits` is the data, the network and the training; `train` runs it and logs to og, which
is what `og demo` starts. The scripts in `examples/` use `digits` too.
"""
