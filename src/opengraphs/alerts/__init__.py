"""Detectors, rules and the life of an alert. Pure."""
