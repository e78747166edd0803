"""Pictures, tables, histograms, copies; and what is seen of a checkpoint from outside."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opengraphs.sdk import checkpoints, media, png


def read_png(data: bytes) -> tuple[int, int, int, bytes]:
    """(width, height, colour type, pixels without filter bytes)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, head = 8, b"", b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, chunk = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(name + chunk)
        head = chunk if name == b"IHDR" else head
        body += chunk if name == b"IDAT" else b""
        at += 12 + length
    width, height, _depth, colour = struct.unpack(">IIBB", head[:10])
    raw = zlib.decompress(body)
    stride = len(raw) // height
    return (
        width,
        height,
        colour,
        b"".join(raw[row * stride + 1 : (row + 1) * stride] for row in range(height)),
    )


class _PilLike:
    mode = "P"
    size = (2, 1)

    def convert(self, mode: str) -> _PilLike:
        self.mode = mode
        return self

    def tobytes(self) -> bytes:
        return bytes(range(6))


class _Torch:
    """The few methods of a torch tensor that are used; its module name says torch."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.ndim, self.shape = array.ndim, array.shape

    def detach(self) -> _Torch:
        return self

    cpu = detach

    def permute(self, *axes: int) -> _Torch:
        return _Torch(self._array.transpose(axes))

    def tolist(self) -> Any:
        return self._array.tolist()


_Torch.__module__ = "torch"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ([[0, 128], [255, 300]], (2, 2, 0, bytes([0, 128, 255, 255]))),
        (np.array([[0.0, 0.5, 1.0]]), (3, 1, 0, bytes([0, 128, 255]))),
        (np.array([[np.nan, 2.0, -1.0]]), (3, 1, 0, bytes([0, 255, 0]))),
        (np.array([[True, False]]), (2, 1, 0, bytes([255, 0]))),
        (np.arange(6, dtype=np.uint8).reshape(1, 2, 3), (2, 1, 2, bytes(range(6)))),
        (np.arange(8, dtype=np.uint8).reshape(2, 1, 4), (1, 2, 6, bytes(range(8)))),
        (_Torch(np.arange(6, dtype=np.uint8).reshape(3, 1, 2)), (2, 1, 2, bytes([0, 2, 4, 1, 3, 5]))),
        (_PilLike(), (2, 1, 2, bytes(range(6)))),
    ],
)
def test_picture_is_a_png(tmp_path: Path, image: Any, expected: tuple[int, int, int, bytes]) -> None:
    columns = media.Image(image, caption="c").store(str(tmp_path / "media"), "stem")
    assert read_png((tmp_path / columns["image"]["media"]).read_bytes()) == expected
    assert columns["caption"] == "c"
    assert (columns["image"]["width"], columns["image"]["height"]) == expected[:2]


@pytest.mark.parametrize("image", [[1, 2], np.zeros((2, 2, 5)), [], np.zeros((1, 1, 1, 1))])
def test_what_is_no_picture_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="shape"):
        png.pixels(image)


def test_figure_draws_itself(tmp_path: Path) -> None:
    class _Figure:
        def savefig(self, path: str, *, format: str) -> None:  # noqa: A002
            Path(path).write_bytes(format.encode())

    columns = media.Image(_Figure()).store(str(tmp_path), "s")
    assert (tmp_path / "s.png").read_bytes() == b"png"
    assert columns["image"]["bytes"] == 3


@pytest.mark.parametrize(
    ("made", "kind", "suffix"),
    [
        (lambda path: media.Image(path), "image", "gif"),
        (lambda path: media.Audio(str(path), sample_rate=8000), "audio", "gif"),
        (lambda _path: media.Audio(b"abc", format="mp3"), "audio", "mp3"),
        (lambda _path: media.Audio(b"abc"), "audio", "wav"),
        (lambda _path: media.Video(b"abc", fps=4), "video", "mp4"),
        (lambda _path: media.Image(b"abc"), "image", "png"),
    ],
)
def test_files_and_bytes_are_copied(tmp_path: Path, made: Any, kind: str, suffix: str) -> None:
    source = tmp_path / "source.GIF"
    source.write_bytes(b"abc")
    columns = made(source).store(str(tmp_path / "media"), "s")
    assert columns[kind]["media"] == f"media/s.{suffix}"
    assert (tmp_path / "media" / f"s.{suffix}").read_bytes() == b"abc"
    assert columns[kind]["bytes"] == 3


def test_table_grows_by_rows_and_columns(tmp_path: Path) -> None:
    table = media.Table(columns=["a"])
    table.add_data(1)
    table.add_data("x")
    table.add_column("b", [2, 3])
    columns = table.store(str(tmp_path), "t")
    assert json.loads((tmp_path / "t.table.json").read_bytes()) == {
        "columns": ["a", "b"],
        "data": [[1, 2], ["x", 3]],
    }
    assert (columns["table"]["rows"], columns["table"]["columns"]) == (2, 2)
    with pytest.raises(ValueError, match="cells"):
        table.add_data(1)


def test_table_of_a_data_frame() -> None:
    class _Frame:
        columns = ("a", 1)
        values = np.array([[1, 2], [3, 4]])

    for table in (media.Table(dataframe=_Frame()), media.Table(data=_Frame())):
        assert (table.columns, table.data) == (["a", "1"], [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([0, 1, 2, 3], [2, 2]),
        (np.array([[0.0, 4.0], [np.nan, np.inf]]), [1, 1]),
        ([5], [0, 1]),
        ([], [0, 0]),
        (_Torch(np.array([0.0, 1.0])), [1, 1]),
    ],
)
def test_histogram_counts_what_is_finite(values: Any, counts: list[int]) -> None:
    made = media.Histogram(values, num_bins=2)
    assert made.counts == counts
    assert len(made.bins) == 3
    assert sorted(made.bins) == made.bins


def test_histogram_that_numpy_made() -> None:
    made = media.Histogram(np_histogram=np.histogram([1, 2, 3], bins=3))
    assert made.store("", "")["histogram"]["counts"] == [1.0, 1.0, 1.0]


# -- checkpoints --------------------------------------------------------------------------------------


def safetensors(tensor_bytes: int, *, promised: int | None = None) -> bytes:
    header = json.dumps(
        {
            "w": {"dtype": "U8", "shape": [1], "data_offsets": [0, promised or tensor_bytes]},
            "__metadata__": {},
        }
    ).encode()
    return len(header).to_bytes(8, "little") + header + bytes(tensor_bytes)


def zipped(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"x" * 5000)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "kind", "is_complete"),
    [
        ("m.safetensors", safetensors(100), "safetensors", True),
        ("m.safetensors", safetensors(100, promised=101), "safetensors", False),
        ("m.safetensors", b"\x05", "safetensors", False),
        ("m.safetensors", (5).to_bytes(8, "little") + b"nojsn" + b"x", "safetensors", False),
        ("m.pt", b"legacy pickle", "torch", True),
        ("m.h5", b"x", "keras", True),
        ("m.pt", b"", "torch", False),
        ("m.pt.tmp", b"x", "", False),
        ("m.unknown", b"x", "", True),
    ],
)
def test_file_is_described(tmp_path: Path, name: str, content: bytes, kind: str, is_complete: bool) -> None:
    (tmp_path / name).write_bytes(content)
    found = checkpoints.describe(str(tmp_path / name))
    assert found == {
        "path": str(tmp_path / name),
        "format": kind,
        "complete": is_complete,
        "bytes": len(content),
    }


def test_zip_without_its_end_is_not_complete(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip")
    for length, is_complete in ((len(whole), True), (len(whole) - 30, False)):
        (tmp_path / "m.ckpt").write_bytes(whole[:length])
        assert checkpoints.describe(str(tmp_path / "m.ckpt"))["complete"] is is_complete


@pytest.mark.parametrize(
    ("names", "kind", "is_complete"),
    [
        (["trainer_state.json", "model.safetensors"], "hf", True),
        ([".metadata", "__0_0.distcp"], "dcp", True),
        (["_CHECKPOINT_METADATA"], "orbax", True),
        (["latest"], "deepspeed", True),
        (["weights.bin.tmp"], "", False),
        (["a"], "", True),
    ],
)
def test_folder_is_described(tmp_path: Path, names: list[str], kind: str, is_complete: bool) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"xx")
    found = checkpoints.describe(str(tmp_path))
    assert (found["format"], found["complete"], found["bytes"]) == (kind, is_complete, 2 * len(names))


def test_index_names_shards_that_must_be_there(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "one.safetensors").write_bytes(b"x")
    assert not checkpoints.describe(str(tmp_path))["complete"]
    (tmp_path / "two.safetensors").write_bytes(b"x")
    assert checkpoints.describe(str(tmp_path))["complete"]


def test_missing_path_is_not_complete(tmp_path: Path) -> None:
    found = checkpoints.describe(str(tmp_path / "none.pt"))
    assert (found["complete"], found["bytes"]) == (False, 0)


def test_folder_is_looked_at_down_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MAX_FILES", 3)
    for number in range(10):
        (tmp_path / str(number)).write_bytes(b"x")
    assert checkpoints.describe(str(tmp_path))["bytes"] == 3


def test_folder_is_looked_at_for_a_limit_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MAX_LOOK_S", -1.0)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    found = checkpoints.describe(str(tmp_path))
    assert (found["format"], found["bytes"]) == ("hf", 0)


def test_an_address_is_kept_as_it_is() -> None:
    found = checkpoints.describe("s3://bucket/run/last.ckpt")
    assert found == {
        "path": "s3://bucket/run/last.ckpt",
        "format": "lightning",
        "complete": False,
        "bytes": 0,
    }
