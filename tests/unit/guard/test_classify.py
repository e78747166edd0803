"""Numbers are low, code is medium, and what a person should decide is high, however it is dressed."""

from __future__ import annotations

import json

import pytest

from opengraphs.guard.classify import Classified, classify
from opengraphs.guard.patch import Applied, Block, apply_edits

TRAINING = '''\
"""A training."""
import argparse

import opengraphs as og
import torch
from torch import nn

SCALE = 1.0


def average(values):
    return sum(values) / len(values)


def evaluate(model, loader):
    return average([float(model(x).mean()) for x in loader])


def update(model, optimizer, batch, lr):
    loss = nn.functional.mse_loss(model(batch), batch)
    loss.backward()
    optimizer.step()
    return loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    args = parser.parse_args()
    torch.manual_seed(1)
    model = nn.Linear(64, 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.0)
    resume = og.resume()
    if resume:
        model.load_state_dict(torch.load(resume.path))
    losses = []
    for step, batch in enumerate(loader(batch_size=32)):
        optimizer.zero_grad()
        loss = update(model, optimizer, batch, args.lr)
        losses.append(loss.item())
        og.log({"train/loss": average(losses) * SCALE, "lr": args.lr}, step=step)
        if step % 100 == 0:
            og.log({"eval/loss": evaluate(model, loader())})


def loader(batch_size=32):
    return torch.randn(100, batch_size, 64)


main()
'''
METRIC = "train/loss"


def edited(search: str, replace: str, *, text: str = TRAINING, path: str = "train.py") -> Applied:
    (done,) = apply_edits({path: text}, [Block(path, search, replace)])
    return done


def swapped(
    old: str, new: str, *, text: str = TRAINING, path: str = "train.py", metric: str | None = METRIC
) -> Classified:
    """Judge a script with one piece of text replaced."""
    assert text.count(old) == 1, old
    after = text.replace(old, new)
    done = Applied(path, text, after, ["exact"], 1, 1, edited_diff(text, after, path))
    return classify(done, metric=metric)


def edited_diff(before: str, after: str, path: str) -> str:
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
    )
    return "".join(f"{line}\n" for line in lines).replace("@@ -1 +1 @@", "@@ -1,1 +1,1 @@")


def rules(judged: Classified) -> set[str]:
    return {one.rule for one in judged.findings if one.level != "info"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("default=0.1", "default=0.01"),
        ("momentum=0.9", "momentum=0.5"),
        ("def loader(batch_size=32)", "def loader(batch_size=16)"),
        ("loader(batch_size=32))", "loader(batch_size=8))"),
        ("step % 100", "step % 50"),
        ('"""A training."""', '"""A training of https://example.org/x."""'),
        ("    losses = []", "    losses = []  # of all steps"),
    ],
)
def test_other_numbers_are_low(old: str, new: str) -> None:
    judged = swapped(old, new)
    assert judged.risk == "low", judged.findings
    assert not rules(judged)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    optimizer.step()",
            "    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n    optimizer.step()",
        ),
        ("lr=args.lr, momentum=0.9", "lr=args.lr * 0.5, momentum=0.9"),
        ("lr=args.lr, momentum=0.9", "lr=args.lr, momentum=0.9, weight_decay=1e-4"),
        (
            "        optimizer.zero_grad()",
            "        if step < 10:\n            continue\n        optimizer.zero_grad()",
        ),
        ("nn.Linear(64, 64)", "nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64))"),
        ("    losses = []", '    losses = []\n    print("begins")'),
    ],
)
def test_local_code_is_medium(old: str, new: str) -> None:
    judged = swapped(old, new)
    assert judged.risk == "medium", judged.findings
    assert not rules(judged)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"train/loss": average', '"train/loss2": average'),
        ("average(losses) * SCALE", "average(losses) * 0.5"),
        ("average(losses) * SCALE", "min(losses)"),
        ("average(losses) * SCALE", "0.1"),
        ("SCALE = 1.0", "SCALE = 0.5"),
        ("sum(values) / len(values)", "sum(values) / len(values) / 2"),
        ("losses.append(loss.item())", "losses.append(loss.item() / 2)"),
        ("losses.append(loss.item())", "losses.append(loss.item()); losses[:] = [0]"),
        ("    return loss\n", "    return loss / 2\n"),
        ("mse_loss(model(batch), batch)", "l1_loss(model(batch), batch)"),
        ("    loss.backward()\n", "    loss.backward()\n    loss = loss * 0.1\n"),
        ("        losses.append", "        loss = loss * 0.1\n        losses.append"),
        ("        losses.append", "        losses.clear(); losses.extend([0.0])\n        losses.append"),
        ("update(model, optimizer, batch, args.lr)", "update(model, optimizer, batch * 0, args.lr)"),
    ],
)
def test_who_is_judged_by_a_metric_does_not_write_it(old: str, new: str) -> None:
    judged = swapped(old, new)
    assert judged.risk == "high"
    assert "metric" in rules(judged), judged.findings
    assert classify(Applied("train.py", TRAINING, TRAINING, ["exact"], 0, 0, ""), metric=METRIC).risk == "low"


LOGGED = {
    "keyword": "run.log(loss=value(x))",
    "dict call": "run.log(dict(loss=value(x), lr=1))",
    "positional": 'writer.add_scalar("train/loss", value(x), step)',
    "formatted key": 'run.log({f"{split}/loss": value(x)})',
    "joined key": 'run.log({"train/" + name: value(x)})',
    "subscript": 'metrics["loss"] = value(x)\nrun.log(metrics)',
    "update": "metrics.update(loss=value(x))",
    "printed": 'print(f"step {step} loss {value(x):.3f} lr {lr}")',
    "nested": 'run.log({"train": {"loss": value(x)}})',
    "helper": "def report(given):\n    run.log({'train/loss': given})\nreport(value(x))",
    "method": "class T:\n    def step(self, x):\n        self.now = value(x)\n    def end(self):\n        self.log('train/loss', self.now)",
    "lambda": "log = lambda v: run.log({'train/loss': v})\nlog(value(x))",
}


@pytest.mark.parametrize("how", LOGGED)
def test_the_metric_is_found_however_it_is_logged(how: str) -> None:
    script = (
        "import run, writer\nsplit = name = 'train'\nlr = x = step = 1\nmetrics = {}\ndef value(x):\n    return x + 1\n"
        + LOGGED[how]
        + "\n"
    )
    for new in ("value(x) * 0.5", "value(x) - 1"):
        assert "metric" in rules(
            swapped(
                "value(x)",
                new,
                text=script.replace("def value(x)", "def value(y)").replace("return x", "return y"),
            )
        ), new
    assert "metric" in rules(swapped("return x + 1", "return x", text=script)) or how == "lambda"
    assert "metric" not in rules(swapped("lr = x = step = 1", "lr = x = step = 1\nother = 2", text=script))


def test_a_metric_of_another_library_is_taken_by_its_name() -> None:
    script = "class T(Trainer):\n    def compute_loss(self, model, x):\n        out = model(x)\n        return out.loss\nT(lr=0.1).train()\n"
    assert "metric" in rules(swapped("return out.loss", "return out.loss * 0.5", text=script))
    assert swapped("lr=0.1", "lr=0.01", text=script).risk == "low"


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import os as fine", "imports"),
        ("from os import system as fine", "imports"),
        ("exec('x')", "code"),
        ("e = eval", "code"),
        ("compile('1', 'x', 'eval')", "code"),
        ("__import__('os')", "code"),
        ("getattr(nn, 'ex' + 'ec')()", "code"),
        ("nn.__dict__['x']", "code"),
        ("().__class__.__base__.__subclasses__()", "code"),
        ("__builtins__['exec']", "code"),
        ("globals()['x'] = 1", "code"),
        ("o.system('ls')", "process"),
        ("run_it('ls')", "process"),
        ("x = 1; o.remove('y')", "process"),
        ("model.system('ls')", "process"),
        ("o.environ['A'] = '1'", "environment"),
        ("o.environ.update(A='1')", "environment"),
        ("o.putenv('A', '1')", "environment"),
        ("del o.environ['A']", "environment"),
        ("open('x', 'w')", "files"),
        ("open('x', mode)", "files"),
        ("open(*a)", "files"),
        ("Path('x').open('a')", "files"),
        ("Path('x').write_text('y')", "files"),
        ("torch.save(model, 'x')", "files"),
        ("sh.rmtree('x')", "files"),
        ("requests.get('x')", "network"),
        ("urllib.request.urlopen('x')", "network"),
        ("socket.socket()", "network"),
        ("ctypes.CDLL('x')", "code"),
        ("importlib.import_module('os')", "code"),
        ("torch.load('x')", "code"),
        ("model = load(trust_remote_code=True)", "code"),
        ("@torch.no_grad()\n    def inner(): pass", "decorator"),
        ("float = 1", "rebinds"),
        ("nn.functional.mse_loss = None", "rebinds"),
        ("torch.manual_seed(2)", "seeding"),
        ("rng = RandomState(0)", "seeding"),
        ("evaluate(model, [])", "evaluation"),
        ("og.log({'x': 1})", "logging"),
        ("ｅｖａｌ('1')", "code"),
        ("ｅｖａｌ('1')", "hidden"),
        ("оptimizer = 1", "hidden"),
        ("x = 'a\u202eb'", "hidden"),
        ("x = undefined_thing", "undefined"),
    ],
)
def test_what_reaches_further_is_high_however_it_is_dressed(code: str, rule: str) -> None:
    head = "import os as o, shutil as sh, subprocess, requests, urllib.request, socket, ctypes, importlib\nfrom os import system as run_it\nfrom pathlib import Path\nfrom numpy.random import RandomState\nmode, a, load = 'r', (), print\n"
    text = TRAINING.replace("import argparse\n", "import argparse\n" + head)
    judged = swapped("    losses = []\n", f"    losses = []\n    {code}\n", text=text)
    assert judged.risk == "high"
    assert rule in rules(judged), judged.findings


@pytest.mark.parametrize(
    "code",
    [
        "x = open('x').read()",
        "x = open('x', 'rb')",
        "x = torch.compile(model)",
        "model.eval()",
        "x = args.lr.__name__",
        "x = torch.log(model(1))",
    ],
)
def test_what_is_harmless_is_not_cried_over(code: str) -> None:
    judged = swapped("    losses = []\n", f"    losses = []\n    {code}\n")
    assert rules(judged) <= {"evaluation"}, judged.findings


def test_a_script_that_is_none_is_refused_with_its_line() -> None:
    judged = swapped("    losses = []\n", "    losses = [\n")
    (finding,) = [one for one in judged.findings if one.level == "refuse"]
    assert (judged.risk, finding.rule, finding.path) == ("high", "syntax", "train.py")
    assert finding.line
    assert rules(swapped("    losses = []\n", "    return = 1\n")) == {"syntax"}
    assert rules(swapped("    losses = []\n", "    losses = " + "(" * 300 + ")" * 300 + "\n")) == {"syntax"}
    assert rules(swapped("    losses = []\n", "    losses = 1" + " + 1" * 30_000 + "\n")) == {"syntax"}
    assert "syntax" in rules(swapped("    losses = []\n", "    losses = []\n    await x\n"))


def test_another_encoding_is_refused() -> None:
    assert "hidden" in rules(swapped('"""A training."""', '# -*- coding: utf-7 -*-\n"""A training."""'))


def test_a_removed_import_that_is_still_used_is_refused() -> None:
    judged = swapped("from torch import nn\n", "")
    assert {"imports", "undefined"} <= rules(judged)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    resume = og.resume()\n", "    resume = None\n"),
        ("        model.load_state_dict(torch.load(resume.path))\n", "        pass\n"),
    ],
)
def test_going_on_from_a_checkpoint_stays_possible(old: str, new: str) -> None:
    judged = swapped(old, new)
    assert [one.level for one in judged.findings if one.rule == "resume" and "gone" in one.text] == ["refuse"]
    hidden = swapped("    resume = og.resume()\n", "    resume = None and og.resume()\n")
    assert "resume" in rules(hidden)


def test_an_override_may_change_its_default() -> None:
    text = "import opengraphs as og\nlr = og.override('lr', 0.1)\n"
    assert swapped("0.1", "0.01", text=text).risk == "low"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("torch.manual_seed(1)", "torch.manual_seed(2)", "seeding"),
        ("float(model(x).mean())", "float(model(x).mean()) / 2", "evaluation"),
        ('"eval/loss": evaluate', '"eval/loss2": evaluate', "logging"),
    ],
)
def test_seeds_evaluation_and_logging_ask(old: str, new: str, rule: str) -> None:
    assert rule in rules(swapped(old, new))


def test_a_command_in_a_text_asks() -> None:
    text = 'import os\nCOMMAND = "ls"\nlr = 0.1\nos.system(COMMAND)\n'
    assert swapped('"ls"', '"rm -rf /"', text=text).risk == "high"
    assert swapped("0.1", "0.2", text=text).risk == "low"
    assert swapped("lr = 0.1\nos.system(COMMAND)", 'lr = 0.1\nos.system("ls -la")', text=text).risk == "high"


def test_a_loose_fit_is_one_step_riskier() -> None:
    done = edited(
        'parser.add_argument("--lr", type=float, default=0.1)\n',
        'parser.add_argument("--lr", type=float, default=0.2)\n',
    )
    assert done.rungs == ["indent"]
    assert classify(done, metric=METRIC).risk == "medium"


YAML = (
    "model:\n  hidden: 64  # units\nlr: 1e-3\nseed: 1\nsteps:\n  - 10\n  - 20\nnote: 'a b'\noutput_dir: out\n"
)
TOML = "[train]\nlr = 0.1\nseed = 1\n[eval]\nevery = 10\n"
JSON = json.dumps({"train": {"lr": 0.1, "sizes": [1, 2]}, "command": "x"}, indent=1)


@pytest.mark.parametrize(
    ("path", "text", "old", "new", "risk", "rule"),
    [
        ("c.yaml", YAML, "1e-3", "1e-4", "low", ""),
        ("c.yaml", YAML, "hidden: 64  # units", "hidden: 32  # fewer units", "low", ""),
        ("c.yaml", YAML, "- 10", "- 11", "low", ""),
        ("c.yaml", YAML, "seed: 1", "seed: 2", "high", "seeding"),
        ("c.yaml", YAML, "output_dir: out", "output_dir: /etc", "high", "reach"),
        ("c.yaml", YAML, "lr: 1e-3", "lr: 1e-3\nextra: 1", "high", "structure"),
        ("c.yaml", YAML, "lr: 1e-3", "lr: {a: 1}", "high", "structure"),
        ("c.yaml", YAML, "lr: 1e-3", "lr: a: 1", "high", "structure"),
        ("c.yaml", YAML, "lr: 1e-3", "lr: !!python/object:os.system x", "high", "syntax"),
        ("c.yaml", YAML, "  hidden: 64", "\thidden: 64", "high", "syntax"),
        ("c.yml", YAML, "note: 'a b'", "note: 'a b", "high", "structure"),
        ("c.toml", TOML, "lr = 0.1", "lr = 0.01", "low", ""),
        ("c.toml", TOML, "lr = 0.1", "lr = 0.01\nwd = 1", "medium", ""),
        ("c.toml", TOML, "lr = 0.1", "lr = ", "high", "syntax"),
        ("c.toml", TOML, "seed = 1", "seed = 2", "high", "seeding"),
        ("c.toml", TOML, "every = 10", "every = 1", "high", "evaluation"),
        ("c.json", JSON, "0.1", "0.01", "low", ""),
        ("c.json", JSON, '"x"', '"y"', "high", "reach"),
        ("c.json", JSON, "0.1", "0.01,,", "high", "syntax"),
        ("c.sh", "python train.py\n", "train.py", "train.py --lr 1", "high", "kind"),
    ],
)
def test_settings_files(path: str, text: str, old: str, new: str, risk: str, rule: str) -> None:
    judged = swapped(old, new, text=text, path=path)
    assert judged.risk == risk, judged.findings
    assert rules(judged) - {"structure"} == ({rule} if rule else set()) - {"structure"}
    assert not rule or rule in rules(judged)
