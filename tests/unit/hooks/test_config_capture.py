"""argparse and hydra: which settings become the run's config, and whose do not."""

from __future__ import annotations

import pytest
from hook_kit import Lab

SCRIPT = """
    import argparse, sys
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--bs", type=int, default=8)
    parser.add_argument("--api-key", default="")
    parser.add_argument("--max-tokens", type=int, default=512)
    parser.add_argument("--path", type=__import__("pathlib").Path, default=None)
    parser.set_defaults(func=print)
    args = parser.parse_args()
    print(args.lr)
"""


def test_settings_become_config_and_what_was_given_is_named(lab: Lab) -> None:
    done = lab.run(SCRIPT, "--lr", "0.3", "--api-key", "sk-very-secret", "--path", "/data", "--bs", "8")
    (event,) = done.events("config")
    assert event["config"] == {
        "lr": 0.3,
        "bs": 8,
        "api_key": "[redacted]",
        "max_tokens": 512,
        "path": "/data",
    }
    assert event["given"] == ["lr", "api_key", "path"]
    assert done.events("hooks")[-1]["active"] == ["sitecustomize", "argparse"]
    assert (done.stdout, done.stderr, done.log, done.writers()) == ("0.3\n", "", "", [])


def test_command_of_subcommands_is_captured_once(lab: Lab) -> None:
    done = lab.run(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--seed", type=int, default=1)
        train = parser.add_subparsers(dest="command").add_parser("train")
        train.add_argument("--lr", type=float)
        parser.parse_args()
        """,
        *("--seed", "5", "train", "--lr", "0.2"),
    )
    (event,) = done.events("config")
    assert event["config"] == {"seed": 5, "command": "train", "lr": 0.2}


def test_bad_command_line_ends_as_ever(lab: Lab) -> None:
    done = lab.run(SCRIPT, "--lr", "fast")
    assert (done.code, done.events("config")) == (2, [])
    assert "argument --lr: invalid float value: 'fast'" in done.stderr


@pytest.mark.parametrize(
    ("change", "env"),
    [
        ("parse_args(['--lr', '3'])", {}),
        ("parse_args()", {"RANK": "1", "WORLD_SIZE": "2"}),
        ("parse_args()", {"OG_NO_HOOKS": "argparse"}),
    ],
    ids=["words of its own", "another rank", "switched off"],
)
def test_what_is_not_the_trainings_command_line_is_left(lab: Lab, change: str, env: dict[str, str]) -> None:
    done = lab.run(SCRIPT.replace("parse_args()", change), env=env)
    assert (done.code, done.events("config"), done.log) == (0, [], "")


def test_settings_of_a_launcher_are_not_the_trainings(lab: Lab) -> None:
    lab.library("torch.distributed.run", SCRIPT.replace("parser.parse_args()", "parser.parse_args()"))
    lab.library("mytool.train", SCRIPT)
    code = "import runpy, sys; runpy.run_module(sys.argv.pop(), run_name='__main__')"
    assert lab.run(code, "torch.distributed.run").events("config") == []
    assert len(lab.run(code, "mytool.train").events("config")) == 1


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_children_of_multiprocessing_do_not_tell_it_again(lab: Lab, method: str) -> None:
    done = lab.run(f"""
        import argparse, multiprocessing
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", default=1)
        args = parser.parse_args()
        def work():
            parser.parse_args()
        if __name__ == "__main__":
            child = multiprocessing.get_context("{method}").Process(target=work)
            child.start(); child.join()
    """)
    assert len(done.events("config")) == 1
    assert done.log == ""


def test_comparison_that_raises_counts_as_given(lab: Lab) -> None:
    done = lab.run("""
        import argparse
        class Odd:
            def __init__(self, text): pass
            def __eq__(self, other): raise RuntimeError
            def __str__(self): return "odd"
        parser = argparse.ArgumentParser()
        parser.add_argument("--odd", type=Odd, default="x")
        parser.parse_args()
    """)
    (event,) = done.events("config")
    assert (event["config"], event["given"]) == ({"odd": "odd"}, ["odd"])


HYDRA = """
    def run_job(task_function, config, job_dir_key=None, job_subdir_key=None, configure_logging=True):
        return task_function(config)
"""
OMEGACONF = """
    class OmegaConf:
        @staticmethod
        def to_container(config, resolve=False, enum_to_str=False):
            if resolve and "missing" in config:
                raise KeyError("missing")
            return dict(config)
"""


def test_hydra_config_is_captured_on_its_way_to_the_job(lab: Lab) -> None:
    lab.library("hydra.core.utils", HYDRA)
    (lab.libraries / "omegaconf.py").write_text(OMEGACONF.replace("\n    ", "\n"))
    done = lab.run("""
        from hydra.core.utils import run_job
        def train(config): return config["lr"] * 2
        print(run_job(train, {"lr": 0.5, "net": {"password": "x", "size": 3}}))
        print(run_job(task_function=train, config={"lr": 1, "missing": "${nowhere}"}, job_dir_key="d"))
        def bad(config): raise ValueError("its own")
        try:
            run_job(bad, {"lr": 1})
        except ValueError as error:
            print(error)
    """)
    assert done.stdout == "1.0\n2\nits own\n"
    assert [event["config"] for event in done.events("config")] == [
        {"lr": 0.5, "net": {"password": "[redacted]", "size": 3}},
        {"lr": 1, "missing": "${nowhere}"},
        {"lr": 1},
    ]
    assert done.log == ""


def test_hydra_without_omegaconf_runs_and_is_noted(lab: Lab) -> None:
    lab.library("hydra.core.utils", HYDRA)
    done = lab.run(
        "import sys; sys.modules['omegaconf'] = None\n"
        "from hydra.core.utils import run_job\nprint(run_job(lambda c: c['lr'], {'lr': 1}))"
    )
    assert done.stdout == "1\n"
    assert "hydra: hydra.py:" in done.log
