"""Libraries are hooked when they are imported, and stay what they are."""

from __future__ import annotations

import ast
import json
import platform
import sys
from pathlib import Path

import pytest
from hook_kit import HOOKS, SUMMARY_WRITER, WANDB_RUN, Lab

LOG_ONE = """
    from tensorboardX.writer import SummaryWriter
    SummaryWriter().add_scalar("loss", 0.5, 3)
"""


def test_start_loads_the_finder_and_nothing_else(lab: Lab) -> None:
    code = "import sys, json; print(json.dumps([n for n in sys.modules if n.partition('.')[0] in ('og_hooks', 'opengraphs', 'json')]))"
    found = set(json.loads(lab.run(code).stdout)) - {"json", "json.decoder", "json.scanner", "json.encoder"}
    assert found == {"og_hooks", "og_hooks.finder", "og_hooks.table"}


def test_hooked_module_keeps_its_loader_and_its_spec(lab: Lab) -> None:
    path = lab.library("tensorboardX.writer", SUMMARY_WRITER)
    done = lab.run("""
        import pkgutil, tensorboardX.writer as it
        print(type(it.__loader__).__name__, "exec_module" in vars(it.__loader__), it.__spec__.name)
        print(it.__file__, it.__spec__.loader is it.__loader__, len(pkgutil.get_data("tensorboardX", "writer.py")))
    """)
    first, second = done.stdout.splitlines()
    assert first == "SourceFileLoader False tensorboardX.writer"
    assert second == f"{path} True {len(path.read_bytes())}"
    assert done.log == ""


def test_reloaded_module_is_hooked_again_and_once(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    done = lab.run("""
        import importlib, tensorboardX.writer as it
        importlib.reload(it)
        it.SummaryWriter().add_scalar("loss", 0.5, 3)
    """)
    assert done.points() == [(3, {"loss": 0.5})]


def test_module_that_was_there_before_is_hooked_too(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    code = f"""
        import sys; sys.path.insert(0, {str(HOOKS)!r})
        import tensorboardX.writer
        from og_hooks import finder
        finder.install("")
        finder.install("")
        tensorboardX.writer.SummaryWriter().add_scalar("loss", 0.5, 3)
        print(sum(type(one).__name__ == "Finder" for one in sys.meta_path))
    """
    done = lab.run(code, env={"PYTHONPATH": str(lab.libraries)})
    assert (done.stdout, done.points()) == ("1\n", [(3, {"loss": 0.5})])


def test_import_that_fails_fails_as_without_og(lab: Lab) -> None:
    path = lab.library("tensorboardX.writer", "x = 1 / 0")
    done = lab.run("""
        import sys, traceback
        try:
            import tensorboardX.writer
        except ZeroDivisionError as error:
            print(traceback.extract_tb(error.__traceback__)[-1].filename, "tensorboardX.writer" in sys.modules)
        try:
            import tensorboardX.absent
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert done.stdout == f"{path} False\nNo module named 'tensorboardX.absent'\n"
    assert done.log == ""


def test_import_that_fails_once_is_hooked_when_it_works(lab: Lab) -> None:
    lab.library(
        "tensorboardX.writer",
        "import os\nif os.environ.pop('FAIL', None): raise ImportError\n" + _flush(SUMMARY_WRITER),
    )
    done = lab.run(
        """
        try:
            import tensorboardX.writer
        except ImportError:
            from tensorboardX.writer import SummaryWriter
        SummaryWriter().add_scalar("loss", 0.5, 3)
        """,
        env={"FAIL": "1"},
    )
    assert done.points() == [(3, {"loss": 0.5})]


def _flush(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)


def test_library_in_a_zip_file_is_hooked(lab: Lab) -> None:
    import zipfile

    archive = lab.work / "lib.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("tensorboardX/__init__.py", "from . import other")
        file.writestr("tensorboardX/other.py", "")
        file.writestr("tensorboardX/writer.py", _flush(SUMMARY_WRITER))
        file.writestr("tensorboardX/later.py", "x = 1")
    done = lab.run(
        f"import sys; sys.path.insert(0, {str(archive)!r})\nfrom tensorboardX.writer import SummaryWriter\nSummaryWriter().add_scalar('a', 1.0, 0)\nimport tensorboardX.later"
    )
    assert (done.stderr, done.points()) == ("", [(0, {"a": 1.0})])


def test_library_of_another_shape_works_and_is_noted(lab: Lab) -> None:
    lab.library("wandb.sdk.wandb_run", "class Run:\n    def log(self, data): return 5")
    lab.library("tensorboardX.writer", "writer = None")
    done = lab.run("""
        from wandb.sdk.wandb_run import Run
        import tensorboardX.writer
        print(Run().log({}))
    """)
    assert (done.stdout, done.stderr) == ("5\n", "")
    assert "wandb: Run has no _log" in done.log
    assert "tensorboardX: summary_writer.py:" in done.log


def test_finder_that_others_put_first_is_asked_too(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    done = lab.run("""
        import sys
        class First:
            asked = []
            def find_spec(self, name, path=None, target=None):
                self.asked.append(name)
        sys.meta_path.insert(0, First())
        from tensorboardX.writer import SummaryWriter
        SummaryWriter().add_scalar("loss", 0.5, 3)
        print(First.asked.count("tensorboardX.writer"))
    """)
    assert done.points() == [(3, {"loss": 0.5})]
    assert int(done.stdout) >= 1


def test_threads_that_import_together_get_one_hooked_class(lab: Lab) -> None:
    lab.library("tensorboardX.writer", "import time; time.sleep(0.01)\n" + _flush(SUMMARY_WRITER))
    done = lab.run("""
        import threading
        def work(n):
            from tensorboardX.writer import SummaryWriter
            SummaryWriter().add_scalar("loss", float(n), n)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        [one.start() for one in threads]; [one.join() for one in threads]
    """)
    assert sorted(done.points()) == [(n, {"loss": float(n)}) for n in range(8)]
    assert done.log == ""


@pytest.mark.parametrize(
    ("off", "rows"),
    [("1", None), ("tensorboardX", None), ("wandb, tensorboardX", None), ("wandb", 1), ("", 1)],
)
def test_hooks_can_be_switched_off(lab: Lab, off: str, rows: int | None) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    done = lab.run(LOG_ONE, env={"OG_NO_HOOKS": off})
    assert (done.stderr, done.code) == ("", 0)
    assert done.writers() == ([] if rows is None else ["mirror-a0-r0"])


@pytest.mark.parametrize("flags", [("-I",), ("-E",), ("-S",)])
def test_interpreter_that_shuts_og_out_trains_as_ever(lab: Lab, flags: tuple[str, ...]) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    code = f"import sys; sys.path.insert(0, {str(lab.libraries)!r})\nfrom tensorboardX.writer import SummaryWriter\nSummaryWriter().add_scalar('a', 1.0, 0)"
    done = lab.run(code, flags=flags)
    assert (done.code, done.stderr, done.writers(), done.log) == (0, "", [], "")


def test_safe_path_and_a_module_as_script_are_captured(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    assert lab.run(LOG_ONE, env={"PYTHONSAFEPATH": "1"}).points() == [(3, {"loss": 0.5})]


def test_outside_a_run_nothing_is_watched(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    done = lab.run(LOG_ONE + "\n    import sys; print('og_hooks' in sys.modules)", env={"OG_RUN_DIR": ""})
    assert (done.stdout, done.writers()) == ("False\n", [])


def test_run_folder_that_is_gone_leaves_training_alone(lab: Lab) -> None:
    lab.library("wandb.sdk.wandb_run", WANDB_RUN)
    done = lab.run(
        "from wandb.sdk.wandb_run import Run\nprint(Run().log({'a': 1.0}))",
        env={"OG_RUN_DIR": "/nowhere/at/all"},
    )
    assert (done.stdout, done.stderr, done.code) == ("what wandb returns\n", "", 0)


def test_first_process_marks_that_hooks_reached_the_run(lab: Lab) -> None:
    lab.run("pass")
    lab.run("pass")
    (event,) = lab.run("pass").events("hooks")
    assert event["active"] == ["sitecustomize"]
    assert event["versions"]["sitecustomize"] == f"Python {platform.python_version()}"


def test_library_that_never_logs_is_told_at_the_end(lab: Lab) -> None:
    lab.library("wandb.sdk.wandb_run", WANDB_RUN)
    done = lab.run("import argparse, wandb.sdk.wandb_run")
    assert done.events("hooks")[-1]["active"] == ["sitecustomize", "argparse", "wandb"]
    assert done.writers() == []


def test_hooks_import_only_the_standard_library_and_the_sdk() -> None:
    allowed = {*sys.stdlib_module_names, "opengraphs", "og_hooks"}
    served = {"og_hooks/hydra.py": {"omegaconf"}}
    for path in [HOOKS / "sitecustomize.py", *(HOOKS / "og_hooks").glob("*.py")]:
        for module in _imports(path):
            name = f"{path.parent.name}/{path.name}"
            top = module.partition(".")[0]
            assert top in allowed | served.get(
                name,
                {path.stem, "transformers", "lightning", "pytorch_lightning", "keras", "accelerate", "torch"},
            ), (name, module)
            assert top != "opengraphs" or module.startswith(("opengraphs.sdk", "opengraphs.integrations")), (
                name,
                module,
            )


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(str(node.module))
    return found
