"""What a script's source tells about going on from a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.errors import UsageError
from opengraphs.resuming import scripts
from opengraphs.resuming.scripts import Script


def look(tmp_path: Path, source: str, *words: str) -> Script:
    (tmp_path / "train.py").write_text(source)
    return scripts.look(["python", "train.py", *words], str(tmp_path))


@pytest.mark.parametrize(
    "source",
    [
        "import opengraphs as og\nstart = og.resume()",
        "import opengraphs\nif opengraphs.resume(): pass",
        "from opengraphs import resume\nresume()",
        'import os\npath = os.environ.get("OG_RESUME_FROM")',
    ],
)
def test_a_script_that_asks_og_needs_no_arguments(tmp_path: Path, source: str) -> None:
    seen = look(tmp_path, source + '\nparser.add_argument("--resume_from_checkpoint")')
    assert seen.knows_og
    assert seen.args == []


@pytest.mark.parametrize(
    "source",
    [
        "# OG_RESUME_FROM is not for us\nx = 1",
        "session.resume()",
        "import opengraphs as og\nog.log({})",
        "this is no python: OG_RESUME_FROM",
    ],
)
def test_a_word_in_passing_is_no_knowledge(tmp_path: Path, source: str) -> None:
    seen = look(tmp_path, source)
    assert not seen.knows_og
    assert seen.args == []


@pytest.mark.parametrize(
    ("source", "args"),
    [
        ('p.add_argument("--resume_from_checkpoint", default=None)', ["--resume_from_checkpoint", "{path}"]),
        ('p.add_argument("--resume-from-checkpoint")', ["--resume-from-checkpoint", "{path}"]),
        ('p.add_argument("-c", "--ckpt-path", type=str)', ["--ckpt-path", "{path}"]),
        ('p.add_argument("--restore-file")', ["--restore-file", "{path}"]),
        ('p.add_argument("--resume", action="store_true")', ["--resume"]),
        ('p.add_argument("--resume", default="")', ["--resume", "{path}"]),
        ('p.add_argument("--resume")\np.add_argument("--resume_from")', ["--resume_from", "{path}"]),
        ('@click.option("--resume/--no-resume", is_flag=True)\ndef f(): pass', ["--resume"]),
        (
            "from transformers import HfArgumentParser\nt.train(a.resume_from_checkpoint)",
            ["--resume_from_checkpoint", "{path}"],
        ),
        ("from lightning.pytorch.cli import LightningCLI\nLightningCLI()", ["--ckpt_path", "{path}"]),
        ("init_from = 'scratch'\nexec(open('configurator.py').read())", ["--init_from=resume"]),
        ("from megatron.training import pretrain", ["--load", "{folder}"]),
        ('p.add_argument("--lr")', []),
        ("trainer.train()", []),
    ],
)
def test_arguments_are_guessed_by_their_names(tmp_path: Path, source: str, args: list[str]) -> None:
    seen = look(tmp_path, source)
    assert seen.args == args
    assert seen.is_guessed is bool(args)


@pytest.mark.parametrize(
    ("source", "framework"),
    [
        ("from transformers import Trainer\nTrainer(model).train()", "hf"),
        ("import transformers\nfrom trl import SFTTrainer\nSFTTrainer(model).train()", "hf"),
        ("from transformers import AutoModel", ""),
        ("from lightning import Trainer", ""),
    ],
)
def test_frameworks_that_og_hooks(tmp_path: Path, source: str, framework: str) -> None:
    assert look(tmp_path, source).framework == framework


def test_flags_of_a_module_beside_the_script_count(tmp_path: Path) -> None:
    (tmp_path / "options.py").write_text('p.add_argument("--resume_from_checkpoint")')
    assert look(tmp_path, "from options import p").args == ["--resume_from_checkpoint", "{path}"]


def test_a_flag_on_the_command_line_counts_where_no_source_is_to_be_had(tmp_path: Path) -> None:
    seen = scripts.look(["./train", "--resume_from_checkpoint=old"], str(tmp_path))
    assert seen.args == ["--resume_from_checkpoint", "{path}"]


@pytest.mark.parametrize(
    ("program", "args"),
    [
        ("fairseq-train", ["--restore-file", "{path}"]),
        ("yolo", ["resume=True", "model={path}"]),
        ("make", []),
    ],
)
def test_programs_that_are_known(tmp_path: Path, program: str, args: list[str]) -> None:
    assert scripts.look([program, "x"], str(tmp_path)).args == args


def test_the_projects_word_is_no_guess(tmp_path: Path) -> None:
    (tmp_path / "og.toml").write_text('[resume]\nargs = ["--continue", "{path}"]\n[ui]\ntheme = "og"\n')
    seen = look(tmp_path, 'p.add_argument("--resume_from_checkpoint")')
    assert seen.args == ["--continue", "{path}"]
    assert not seen.is_guessed


def test_the_project_can_say_that_none_are_needed(tmp_path: Path) -> None:
    (tmp_path / "og.toml").write_text("[resume]\nargs = []\n")
    assert look(tmp_path, 'p.add_argument("--resume_from_checkpoint")').args == []


@pytest.mark.parametrize("text", ["[resume\n", '[resume]\nargs = "--resume"\n', "[resume]\nargs = [1]\n"])
def test_a_projects_mistake_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "og.toml").write_text(text)
    with pytest.raises(UsageError) as told:
        look(tmp_path, "")
    assert told.value.path.endswith("og.toml")


def test_a_module_run_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "train.py").write_text('p.add_argument("--resume_from_checkpoint")')
    seen = scripts.look(["python", "-m", "pkg.train"], str(tmp_path))
    assert seen.path == str(tmp_path / "pkg" / "train.py")
    assert seen.args == ["--resume_from_checkpoint", "{path}"]


def test_another_text_is_another_script(tmp_path: Path) -> None:
    assert look(tmp_path, "a = 1").digest != look(tmp_path, "a = 2").digest


def test_a_source_too_long_or_too_deep_tells_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, "#" * (scripts.MAX_SOURCE_BYTES + 1)).path != ""
    assert look(tmp_path, "(" * 5000).args == []
