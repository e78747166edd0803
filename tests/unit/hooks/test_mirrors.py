"""What the mirrors record of libraries that have the shapes of the real ones."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hook_kit import SUMMARY_WRITER, WANDB_RUN, Lab

WANDB = "from wandb.sdk.wandb_run import Run\nrun = Run()\n"


def wandb(lab: Lab, code: str, **env: str) -> Any:
    lab.library("wandb.sdk.wandb_run", WANDB_RUN)
    lab.library("wandb.__init__", '__version__ = "0.31.0"')
    return lab.run(WANDB + textwrap.dedent(code), env=env)


def test_wandb_rows_have_the_steps_wandb_counts(lab: Lab) -> None:
    done = wandb(
        lab,
        """
        run.log({"a": 1.0})
        run.log({"a": 2.0}, commit=False)
        run.log({"b": 3})
        run.log({"a": 4.0}, step=10)
        run.log({"b": 5.0})
        run.log({"a": 6.0}, step=20, commit=True)
        run.log({"a": float("nan"), "n": {"x": {"y": 1}}, "text": "no", "none": None, "flag": True})
        """,
    )
    assert done.points() == [
        (0, {"a": 1.0}),
        (1, {"a": 2.0}),
        (1, {"b": 3}),
        (10, {"a": 4.0}),
        (10, {"b": 5.0}),
        (20, {"a": 6.0}),
        (21, {"a": "NaN", "n.x.y": 1, "flag": 1}),
    ]
    assert {row["source"] for row in done.rows()} == {"wandb"}
    assert (done.stderr, done.log) == ("", "")


def test_wandb_words_about_the_run_become_events(lab: Lab) -> None:
    done = wandb(
        lab,
        """
        run._config_callback(data={"bs": 4, "hub_token": "hf_aaaaaaaaaaaaaaaaaaaa"})
        run._config_callback(key=("opt", "name"), val="adam")
        run.alert("slow", "very", level="WARN")
        run.tags = run.tags + ("b",)
        run.name, run.notes = "other", "more"
        """,
    )
    assert done.config() == {"lr": 0.1, "bs": 4, "hub_token": "[redacted]", "opt.name": "adam"}
    assert [event["name"] for event in done.events("name")] == ["given", "other"]
    assert [event["tags"] for event in done.events("tag")] == [["a"], ["a", "b"]]
    assert [event["text"] for event in done.events("note")] == ["why", "more"]
    (alert,) = done.events("alert")
    assert (alert["title"], alert["text"], alert["level"], alert["detector"]) == (
        "slow",
        "very",
        "warn",
        "script",
    )
    hooks = done.events("hooks")[-1]
    assert hooks["active"] == ["sitecustomize", "wandb"]
    assert hooks["versions"]["wandb"] == "0.31.0"


def test_name_given_to_og_run_is_kept(lab: Lab) -> None:
    (lab.folder / "run.json").write_text('{"name": "mine"}')
    assert wandb(lab, "run.name = 'other'").events("name") == []


def test_wandb_trouble_and_results_are_its_own(lab: Lab) -> None:
    done = wandb(
        lab,
        """
        print(run.log({"a": 1.0}))
        try:
            run.log([1])
        except TypeError as error:
            print(error)
        """,
    )
    assert done.stdout == "what wandb returns\na dict\n"
    assert done.points() == [(0, {"a": 1.0})]


def test_value_whose_conversion_fails_costs_only_itself(lab: Lab) -> None:
    done = wandb(
        lab,
        """
        class Bad:
            def __float__(self):
                raise RuntimeError("boom")
        run.log({"a": 1.0, "bad": Bad(), 5: 2.0})
        """,
    )
    assert done.points() == [(0, {"a": 1.0, "5": 2.0})]
    assert (done.stderr, done.code) == ("", 0)


def test_row_that_names_the_trainers_step_stands_there(lab: Lab) -> None:
    """What transformers and Lightning log through wandb is where they themselves say it."""
    done = wandb(
        lab,
        'run.log({"train/loss": 0.5, "train/global_step": 30})\nrun.log({"x": 1.0, "trainer/global_step": 40.0})',
    )
    assert [step for step, _ in done.points()] == [30, 40]


def test_axis_that_counts_steps_is_honoured(lab: Lab) -> None:
    done = wandb(
        lab,
        """
        run.define_metric("*", step_metric="train/step")
        run.define_metric("val/*", step_metric="val/step")
        run.define_metric("val/late", step_metric="epoch")
        run.log({"loss": 0.5, "train/step": 30})
        run.log({"loss": 0.4})
        run.log({"val/loss": 0.6, "val/late": 1.5, "val/step": 7, "loss": 0.3, "train/step": 31})
        run.log({"loss": 0.2, "train/step": float("nan")})
        """,
    )
    assert done.points() == [
        (30, {"loss": 0.5, "train/step": 30}),
        (30, {"loss": 0.4}),
        (7, {"val/loss": 0.6, "val/late": 1.5, "val/step": 7}),
        (31, {"loss": 0.3, "train/step": 31}),
        (3, {"loss": 0.2, "train/step": "NaN"}),
    ]


def test_disabled_wandb_is_mirrored_and_no_device_is_waited_for(lab: Lab) -> None:
    lab.library(
        "wandb.sdk.lib.noop_run",
        """
        class Settings:
            mode, run_name, run_tags, run_notes = "disabled", "dummy-1", None, None
        class NoopRun:
            def __init__(self):
                self._settings, self._config = Settings(), {"lr": 1}
            def log(self, data, *args, **kwargs): pass
            def alert(self, *args, **kwargs): pass
            def define_metric(self, *args, **kwargs): pass
        """,
    )
    done = lab.run("""
        from wandb.sdk.lib.noop_run import NoopRun
        class Device: type = "cuda"
        class Tensor:
            device = Device()
            def item(self): raise SystemExit("waited for the device")
            __float__ = item
        run = NoopRun()
        run.log({"a": 1.0, "t": Tensor()}); run.log({"a": 2.0}, commit=False); run.log({"a": 3.0})
        run.log({"a": 4.0}, step=9); run.log({"a": 5.0}, step=10, commit=True); run.log({"a": 6.0})
    """)
    assert done.points() == [
        (0, {"a": 1.0}),
        (1, {"a": 2.0}),
        (1, {"a": 3.0}),
        (9, {"a": 4.0}),
        (10, {"a": 5.0}),
        (11, {"a": 6.0}),
    ]
    assert (done.config(), done.events("name"), done.log) == ({"lr": 1}, [], "")


DEVICE_TENSOR = """
    class Device: type = "cuda"
    class Tensor:
        device = Device()
        def item(self):
            ORDER.append("read")
            return 1.5
        __float__ = item
"""


def test_tensor_on_a_device_is_read_once_and_after_the_tracker(lab: Lab) -> None:
    library = SUMMARY_WRITER.replace("if tag ==", "ORDER.append('tracker')\n            if tag ==")
    lab.library("tensorboardX.writer", "    import builtins\n    ORDER = builtins.ORDER = []\n" + library)
    code = "from tensorboardX.writer import SummaryWriter\nSummaryWriter().add_scalar('x', Tensor(), 1)\nprint(ORDER)"
    done = lab.run(textwrap.dedent(DEVICE_TENSOR) + code)
    assert (done.stdout, done.points()) == ("['tracker', 'read']\n", [(1, {"x": 1.5})])


def test_tensor_that_trackio_does_not_take_is_not_read(lab: Lab) -> None:
    lab.library("trackio.run", TRACKIO)
    code = "from trackio.run import Run\nRun({}).log({'t': Tensor(), 'a': 1.0})\nprint(ORDER)"
    done = lab.run("ORDER = []\n" + textwrap.dedent(DEVICE_TENSOR) + code)
    assert (done.stdout, done.points()) == ("[]\n", [(0, {"a": 1.0})])


def test_wandb_summary_is_mirrored_from_its_top(lab: Lab) -> None:
    lab.library(
        "wandb.sdk.wandb_summary",
        """
        class SummaryDict:
            def update(self, d): pass
            def __setitem__(self, key, value): self.update({key: value})
        class Summary(SummaryDict): pass
        class SummarySubDict(SummaryDict): pass
        """,
    )
    done = lab.run("""
        from wandb.sdk.wandb_summary import Summary, SummarySubDict
        Summary()["best"] = 0.5
        SummarySubDict()["inner"] = 1
    """)
    assert [event["summary"] for event in done.events("summary")] == [{"best": 0.5}]


def test_summary_writer_scalars_hparams_and_missing_steps(lab: Lab) -> None:
    lab.library("torch.utils.tensorboard.writer", SUMMARY_WRITER)
    done = lab.run("""
        from torch.utils.tensorboard.writer import SummaryWriter
        w = SummaryWriter()
        w.add_scalar("loss", 0.5, 3)
        w.add_scalar("loss", scalar_value=0.25, global_step=4, walltime=5.0)
        for n in range(3): w.add_scalar("none", n)
        w.add_scalars("pair", {"a": 1, "b": 2.0}, 7)
        w.add_hparams({"lr": 0.1}, {"hp/acc": 0.9})
        w.add_hparams({"bs": 8}, {"hp/acc": 0.8}, None, "name", 12)
        try:
            w.add_scalar("bad", 1.0, 1)
        except ValueError as error:
            print(error)
        w.add_scalar("text", "blob", 1)
    """)
    assert done.stdout == "its own trouble\n"
    assert done.points() == [
        (3, {"loss": 0.5}),
        (4, {"loss": 0.25}),
        (0, {"none": 0}),
        (1, {"none": 1}),
        (2, {"none": 2}),
        (7, {"pair/a": 1, "pair/b": 2.0}),
        (0, {"hp/acc": 0.9}),
        (12, {"hp/acc": 0.8}),
    ]
    assert done.config() == {"lr": 0.1, "bs": 8}
    assert {row["source"] for row in done.rows()} == {"summary_writer"}


def test_mlflow_metrics_params_and_tags(lab: Lab) -> None:
    lab.library(
        "mlflow.tracking._tracking_service.client",
        """
        class TrackingServiceClient:
            def create_run(self, experiment_id, start_time=None, tags=None, run_name=None): return "run"
            def log_metric(self, run_id, key, value, timestamp=None, step=None, synchronous=True): pass
            def log_batch(self, run_id, metrics=(), params=(), tags=(), synchronous=True):
                for one in metrics: self.log_metric(run_id, one.key, one.value, 0, one.step)
            def log_param(self, run_id, key, value, synchronous=True): return value
            def set_tag(self, run_id, key, value, synchronous=True): pass
        """,
    )
    done = lab.run("""
        from types import SimpleNamespace as One
        from mlflow.tracking._tracking_service.client import TrackingServiceClient
        c = TrackingServiceClient()
        c.create_run("0", run_name="named", tags={"mlflow.user": "x", "team": "a"})
        c.log_metric("r", "loss", 0.5, step=3); c.log_metric("r", "loss", 0.25, 0, 4)
        for n in range(3): c.log_metric("r", "none", n)
        c.log_metric("r", "none", 9, step=7); c.log_metric("r", "none", 10)
        c.log_batch("r", metrics=[One(key="a", value=1.0, step=1), One(key="b", value=2.0, step=1), One(key="a", value=3.0, step=2)],
                    params=[One(key="lr", value="0.1"), One(key="n", value="12"), One(key="on", value="True"), One(key="t", value="x")],
                    tags=[One(key="k", value="v")])
        c.log_param("r", "bs", 8)
        c.set_tag("r", "mlflow.note.content", "a note")
    """)
    assert done.points() == [
        (3, {"loss": 0.5}), (4, {"loss": 0.25}),
        (0, {"none": 0}), (1, {"none": 1}), (2, {"none": 2}), (7, {"none": 9}), (0, {"none": 10}),
        (1, {"a": 1.0, "b": 2.0}), (2, {"a": 3.0}),
    ]  # fmt: skip
    assert done.config() == {"lr": 0.1, "n": 12, "on": True, "t": "x", "bs": 8}
    assert [event["tags"] for event in done.events("tag")] == [["team=a"], ["k=v"]]
    assert [event["name"] for event in done.events("name")] == ["named"]
    assert [event["text"] for event in done.events("note")] == ["a note"]


TRACKIO = """
    class utils:
        RESERVED_KEYS = ["step", "time"]
    class Run:
        def __init__(self, config):
            self.config, self._next_step = {**config, "_Username": "me"}, 0
        def log(self, metrics, step=None):
            step = self._next_step if step is None else step
            self._next_step = max(self._next_step, step + 1)
        def alert(self, title, text=None, level="warn", step=None, webhook_url=None): pass
        def log_system(self, metrics): pass
"""


def test_trackio_rows_config_alerts_and_system_figures(lab: Lab) -> None:
    lab.library("trackio.run", TRACKIO)
    (lab.libraries / "trackio" / "__init__.py").write_text(
        "from trackio.run import Run\n"
        "def init(project, name=None, config=None):\n"
        "    return Run(config or {})\n"
    )
    done = lab.run("""
        import trackio
        run = trackio.init("p", name="mine", config={"lr": 0.1})
        run.log({"a": 1.0, "n": {"x": 2.0}}); run.log({"step": 5, "__odd": 1}); run.log({"a": 2.0}, step=10)
        run.log({"a": 3.0}); run.log({"train/loss": 0.5, "train/global_step": 70})
        run.alert("hot", "very", step=4); run.log_system({"gpu": 50.0})
    """)
    assert done.points() == [
        (0, {"a": 1.0, "n/x": 2.0}),
        (1, {"__step": 5, "____odd": 1}),
        (10, {"a": 2.0}),
        (11, {"a": 3.0}),
        (70, {"train/loss": 0.5, "train/global_step": 70}),
    ]
    assert done.config() == {"lr": 0.1}
    assert [event["name"] for event in done.events("name")] == ["mine"]
    assert [(event["title"], event["step"]) for event in done.events("alert")] == [("hot", 4)]
    (system,) = (done.folder / "system").glob("sdk-mirror-a0-r0.jsonl")
    assert '"metrics":{"gpu":50.0}' in system.read_text()


def test_mirrors_share_a_journal_and_close_it_sealed(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)
    done = wandb(
        lab,
        """
        import atexit
        from tensorboardX.writer import SummaryWriter
        atexit.register(lambda: run.log({"late": 1.0}))  # as wandb's own clean-up may
        SummaryWriter().add_scalar("x", 1.0, 0)
        run.log({"y": 2.0})
        """,
    )
    assert [row["source"] for row in done.rows()] == ["summary_writer", "wandb", "wandb"]
    data = (done.folder / "metrics" / "mirror-a0-r0.jsonl").read_bytes()
    assert data.endswith(b"}}\n")
    assert b"\0" not in data
    assert b'{"seal":{"from":0' in data.splitlines()[-1]


def test_script_with_its_own_og_run_has_both(lab: Lab) -> None:
    done = wandb(lab, "import opengraphs as og\nog.init()\nog.log({'own': 1.0}, step=0)\nrun.log({'a': 1.0})")
    assert done.writers() == ["a0-r0", "mirror-a0-r0"]
    assert done.points() == [(0, {"a": 1.0})]


def test_rank_stands_in_the_name_and_in_the_records(lab: Lab) -> None:
    done = wandb(lab, "run.log({'a': 1.0})\nrun.log({'b': float('inf')})", RANK="2", WORLD_SIZE="4")
    assert done.writers() == ["mirror-a0-r2"]
    rows = done.rows("mirror-a0-r2")
    assert [(row["rank"], row["source"]) for row in rows] == [(2, "wandb"), (2, "wandb")]


@pytest.mark.parametrize("encoder", ["orjson", "msgspec", "stdlib"])
def test_every_encoder_writes_the_source(lab: Lab, encoder: str) -> None:
    hidden = {"orjson": [], "msgspec": ["orjson"], "stdlib": ["orjson", "msgspec"]}[encoder]
    done = wandb(
        lab,
        f"import sys; sys.modules.update(dict.fromkeys({hidden!r}))\nrun.log({{'50%': 1.5}})",
        RANK="1",
        WORLD_SIZE="2",
    )
    assert done.rows("mirror-a0-r1") == [{"step": 0, "metrics": {"50%": 1.5}, "rank": 1, "source": "wandb"}]


def test_journal_that_cannot_be_written_leaves_training_alone(lab: Lab) -> None:
    (lab.folder / "metrics").write_text("a file where a folder should be")
    done = wandb(lab, "[run.log({'a': 1.0}) for _ in range(3)]; print('trained')")
    assert (done.stdout, done.stderr, done.code) == ("trained\n", "", 0)
    assert "FileExistsError" in done.log or "NotADirectoryError" in done.log
