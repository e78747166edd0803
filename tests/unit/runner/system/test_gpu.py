"""GPU figures through a stand-in for NVML that fails the ways the real one does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from opengraphs.runner.system import HostSampler, gpu, host_facts
from opengraphs.runner.system.gpu import GpuSampler, cards, visible


def _fake_nvml() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fake_nvml", Path(__file__).with_name("fake_nvml.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake = _fake_nvml()
ALL = ["UtilizationRates", "MemoryInfo", "PowerUsage", "EnforcedPowerLimit", "Temperature", "ClockInfo"]


def test_every_figure_of_a_healthy_card() -> None:
    assert GpuSampler(fake.FakeNvml([fake.FakeGpu(0)]), {}).sample() == {
        "gpu.0.util_percent": 87.0,
        "gpu.0.mem_used_bytes": float(20 << 30),
        "gpu.0.mem_total_bytes": float(80 << 30),
        "gpu.0.power_watts": 350.5,
        "gpu.0.power_limit_watts": 700.0,
        "gpu.0.temp_c": 61.0,
        "gpu.0.sm_clock_mhz": 1980.0,
    }


@pytest.mark.parametrize("missing", ALL)
def test_figure_that_is_not_supported_is_left_out_and_not_asked_for_again(missing: str) -> None:
    card = fake.FakeGpu(0, broken={missing: fake.NVMLError_NotSupported})
    sampler = GpuSampler(fake.FakeNvml([card]), {})
    whole = len(GpuSampler(fake.FakeNvml([fake.FakeGpu(0)]), {}).sample())
    lost = 2 if missing == "MemoryInfo" else 1
    assert len(sampler.sample()) == whole - lost
    assert len(sampler.sample()) == whole - lost
    assert card.calls.count(missing) == 1


def test_figure_that_fails_for_now_comes_back() -> None:
    card = fake.FakeGpu(0, broken=dict.fromkeys(ALL, fake.NVMLError_GpuIsLost))
    sampler = GpuSampler(fake.FakeNvml([card]), {})
    assert sampler.sample() == {}
    card.broken.clear()
    assert len(sampler.sample()) == 7


def test_card_that_cannot_be_opened_does_not_hide_the_others() -> None:
    lost = fake.FakeGpu(0, broken={"HandleByIndex": fake.NVMLError_NoPermission})
    keys = GpuSampler(fake.FakeNvml([lost, fake.FakeGpu(1)]), {}).sample()
    assert {key.split(".")[1] for key in keys} == {"1"}


def test_mig_card_shows_its_instances_memory() -> None:
    card = fake.FakeGpu(0, mig=2, broken={"UtilizationRates": fake.NVMLError_NotSupported})
    sample = GpuSampler(fake.FakeNvml([card]), {}).sample()
    assert "gpu.0.util_percent" not in sample
    assert sample["gpu.0.temp_c"] == 61.0
    assert {key for key in sample if ".mig." in key} == {
        f"gpu.0.mig.{place}.mem_{kind}_bytes" for place in (0, 1) for kind in ("used", "total")
    }


def test_card_that_knows_no_mig() -> None:
    card = fake.FakeGpu(0, broken={"MigMode": fake.NVMLError_NotSupported})
    assert len(GpuSampler(fake.FakeNvml([card]), {}).sample()) == 7


def test_no_driver_no_gpus() -> None:
    assert GpuSampler(None, {}).sample() == {}


def test_older_bindings_answer_in_bytes() -> None:
    nvml = fake.FakeNvml([fake.FakeGpu(0)], text=str.encode)
    (card,) = cards(nvml)
    assert (card.name, card.uuid) == ("NVIDIA H100", "GPU-00000000-aaaa")
    assert host_facts(nvml=nvml)["gpus"][0]["driver"] == "570.124.06"


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({}, [0, 1, 2, 3]),
        ({"CUDA_VISIBLE_DEVICES": "2"}, [2]),
        ({"CUDA_VISIBLE_DEVICES": "3, 1"}, [1, 3]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, []),
        ({"CUDA_VISIBLE_DEVICES": "GPU-00000002"}, [2]),
        ({"CUDA_VISIBLE_DEVICES": "9"}, [0, 1, 2, 3]),
    ],
)
def test_only_the_cards_the_training_sees(env: dict[str, str], shown: list[int]) -> None:
    found = cards(fake.FakeNvml([fake.FakeGpu(number) for number in range(4)]))
    assert [card.index for card in visible(found, env)] == shown


def test_numbers_of_unlike_cards_mean_nothing_without_the_bus_order() -> None:
    found = cards(fake.FakeNvml([fake.FakeGpu(0, name="A"), fake.FakeGpu(1, name="B")]))
    assert [card.index for card in visible(found, {"CUDA_VISIBLE_DEVICES": "1"})] == [0, 1]
    ordered = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert [card.index for card in visible(found, ordered)] == [1]


def test_binding_is_not_loaded_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "driver_present", lambda: False)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it would fail
    assert gpu.load_nvml() is None


@pytest.mark.parametrize("present", [True, False])
def test_driver_without_binding_or_permission(monkeypatch: pytest.MonkeyPatch, present: bool) -> None:
    nvml: Any = fake.FakeNvml([])
    nvml.nvmlInit = lambda: (_ for _ in ()).throw(fake.NVMLError_NoPermission)
    monkeypatch.setattr(gpu, "driver_present", lambda: True)
    monkeypatch.setitem(sys.modules, "pynvml", nvml if present else None)
    assert gpu.load_nvml() is None


def test_host_sample_carries_the_gpus() -> None:
    sampler = HostSampler(env={}, nvml=fake.FakeNvml([fake.FakeGpu(0)]))
    assert sampler.sample()["gpu.0.util_percent"] == 87.0
    sampler.close()
