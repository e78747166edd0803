"""The examples of docs/integrations.md run as they stand, and make the run that the page promises."""

from __future__ import annotations

import re

import pytest
from frameworks_kit import plain_python
from og_user import ROOT, OgUser
from real_kit import need

PAGE = (ROOT / "docs" / "integrations.md").read_text()
EXAMPLES = dict(re.findall(r"^## (\w+)\n\n```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize(
    ("framework", "metric"),
    [
        ("transformers", "train/loss"),
        ("Lightning", "train/loss"),
        ("Keras", "batch/loss"),
        ("accelerate", "train/loss"),
    ],
)
def test_example_runs_and_records(user: OgUser, framework: str, metric: str) -> None:
    need(framework.lower())
    ran = plain_python(user, EXAMPLES[framework])
    assert len(ran.curves[metric]) >= 4
    assert ran.facts["project"] == "tiny"
    assert ran.facts["status"] == "finished"
