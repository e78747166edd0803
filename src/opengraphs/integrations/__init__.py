"""Explicit callbacks and loggers for training frameworks."""
