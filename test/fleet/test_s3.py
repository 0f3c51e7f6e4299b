"""A real S3 server on loopback (moto), through s3fs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from enet_ros import holding
from enet_ros.bags.segments import Segment
from enet_ros.cli import main
from enet_ros.errors import BagError, PlaceError
from enet_ros.holding import held
from enet_ros.places import Place

from .conftest import contents
from .test_here import run

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
moto = pytest.importorskip("moto.server", reason="moto is not installed: pip install moto[server]")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, drives: Path) -> Iterator[Place]:
    """A bucket with the drives below in/."""
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"fleet-{uuid4().hex[:8]}"  # the server remembers those of earlier tests
    s3fs.S3FileSystem().mkdir(name)
    for file in Place.of(drives).files():
        Place.of(f"s3://{name}/in/{file.path}").put(drives / file.path)
    yield Place.of(f"s3://{name}")
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_bags_of_a_bucket_are_labelled_into_it(bucket: Place, labelled: dict[str, bytes], tmp_path: Path) -> None:
    found = run(f"{bucket}/in", bucket / "out", tmp_path)
    assert "broken.mcap has no camera topic" in found["broken"].problem
    assert contents(bucket / "out") == labelled


def test_a_signed_address_is_a_bag_and_its_signature_stays_secret(
    bucket: Place, labelled: dict[str, bytes], tmp_path: Path
) -> None:
    signed = s3fs.S3FileSystem().sign(f"{bucket}/in/night/short.mcap")
    assert "Signature=" in signed
    found = run(signed, tmp_path / "out/night", tmp_path / "scratch")
    assert contents(tmp_path / "out") == {path: data for path, data in labelled.items() if path.startswith("night")}
    assert list(found) == ["short"] and "Signature" not in f"{found['short'].drive.place}"
    broken = s3fs.S3FileSystem().sign(f"{bucket}/in/broken.mcap")
    problem = run(broken, tmp_path / "out", tmp_path / "scratch")["broken"].problem
    assert "/in/broken.mcap has no camera topic" in problem and "Signature" not in problem


@pytest.mark.parametrize("moved", [0, 1])
def test_a_run_that_was_killed_while_it_moved_segments_goes_on(
    bucket: Place, labelled: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """A store moves file by file: until metadata.yaml is there the bag is not."""

    class Killed(BaseException):
        """Stands for what no cleaning up can follow."""

    def counted(self: Place, to: Place) -> None:
        nonlocal moved
        moved -= 1
        if moved < 0:
            raise Killed
        move(self, to)

    move = Place.move
    monkeypatch.setattr(Place, "move", counted)
    with pytest.raises(Killed):
        run(f"{bucket}/in/night", bucket / "out/night", tmp_path)
    assert not (bucket / "out/night/short/metadata.yaml").exists()
    monkeypatch.setattr(Place, "move", move)
    monkeypatch.setattr(Segment, "write", None)  # all segments are there
    assert run(f"{bucket}/in/night", bucket / "out/night", tmp_path)["short"].result.frames == 4
    assert contents(bucket / "out") == {path: data for path, data in labelled.items() if path.startswith("night")}


def test_who_has_no_credentials_is_told_at_the_start(
    bucket: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(PlaceError, match=f"{bucket}/in cannot be listed: .*check the credentials"):
        (bucket / "in").files()
    assert main(["label", f"{bucket}/in", "-o", str(tmp_path / "out")]) == 2
    assert "check the credentials" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_bucket_has_one_writer(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "BEAT_S", 0.2)
    with held(bucket / "out") as check:
        with pytest.raises(BagError, match="another process is writing .*/out"), held(bucket / "out"):
            pass
        check()
    assert not (bucket / "out").files()
