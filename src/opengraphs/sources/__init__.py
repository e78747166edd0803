"""Readers of foreign formats, turned into the same records."""
