"""One module per command; each defines `command`. The list of them is `opengraphs.cli.catalog`."""
