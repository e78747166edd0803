"""Readers of formats that other programs write: TensorBoard, W&B, Trackio, MLflow, CSV, JSONL, logs.

A reader follows one foreign place and hands what it finds to a `Sink` in og's own terms
(`base`). `formats` lists them, `discover` finds places below a folder. Nothing here writes
beside a foreign run, loads a pickle or follows a YAML tag; what is read is not trusted.
"""
