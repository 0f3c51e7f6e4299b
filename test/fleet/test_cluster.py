"""A Ray cluster of several nodes on this machine: the same bytes as without, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from enet_ros import model_file
from enet_ros.cli import main
from enet_ros.errors import BagError, ConfigError, WorkerError
from enet_ros.extraction import ScanSettings
from enet_ros.extraction.scan import Scanned
from enet_ros.fleet import Outcome, find_drives, run_here
from enet_ros.fleet.cluster import _connected, _grown, run_on_ray
from enet_ros.fleet.hand import ClusterOptions, Hand, Models
from enet_ros.fleet.scanning import EyesChoice, ScanWork
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import EvaluateWork

from .conftest import MODEL, contents, label_work

pytest.importorskip("ray", reason="ray is not installed: pip install ray")
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "node_ip_address": "127.0.0.2"}  # Ray replaces 127.0.0.1


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head without CPUs and two nodes of one, on loopback. A test that ends a node adds another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False})
        for _ in range(2):
            cluster.add_node(**NODE)
        yield cluster
        cluster.shutdown()


def workers(cluster: Any) -> list[int]:
    """The processes of our actors."""
    raylets = {info.process.pid for node in cluster.list_all_nodes() for info in node.all_processes.get("raylet", [])}
    found = []
    for folder in Path("/proc").iterdir():
        try:
            name, parent = (
                (folder / "cmdline").read_bytes(),
                (folder / "stat").read_text().rpartition(")")[2].split()[1],
            )
        except (OSError, IndexError):
            continue
        if name.startswith(b"ray::Hand") and int(parent) in raylets:
            found.append(int(folder.name))
    return found


def when(condition: Callable[[], bool], do: Callable[[], None]) -> threading.Thread:
    """Do something as soon as a condition holds, in a thread."""

    def wait() -> None:
        for _ in range(1200):
            if condition():
                return do()
            time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def segments(out: Path, count: int) -> Callable[[], bool]:
    return lambda: len([*out.glob("*.part/*.json"), *out.glob("*/*.part/*.json")]) >= count


def run(cluster: Any, drives: Path, out: Path) -> dict[str, Outcome]:
    options = ClusterOptions(cluster.address)
    found = run_on_ray(label_work(out), find_drives([str(drives)]), options)
    return {outcome.drive.name: outcome for outcome in found}


def test_a_cluster_gives_the_same_bytes(cluster: Any, drives: Path, labelled: dict[str, bytes], tmp_path: Path) -> None:
    found = run(cluster, drives, tmp_path / "out")
    assert contents(tmp_path / "out") == labelled
    assert found["long"].result.frames == 12
    assert "has no camera topic" in found["broken"].problem


def test_a_folder_that_is_lost_ends_it_before_a_bag_is_put_in_its_place(
    cluster: Any, drives: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    begun = segments(out, 1)

    def check() -> None:
        if begun():
            raise BagError("taken over")

    bags = find_drives([str(drives / "night")])
    with pytest.raises(BagError, match="taken over"):
        list(run_on_ray(label_work(out), bags, ClusterOptions(cluster.address), check))
    assert (out / "short.part").exists() and not (out / "short").exists()


def test_scores_are_the_same(cluster: Any, drives: Path, tmp_path: Path) -> None:
    work = EvaluateWork(MODEL, classes="camvid")
    bags = find_drives([str(drives / "long"), str(drives / "night")])
    worker = work.worker(Scratch(tmp_path), 1)
    here = {o.drive.name: o.result.to_dict() for o in run_here(worker, bags)}
    worker.close()
    there = run_on_ray(replace(work, segment=5), bags, ClusterOptions(cluster.address))
    assert {o.drive.name: o.result.to_dict() for o in there} == here and len(here) == 2


def test_frames_to_choose_from_are_the_same(cluster: Any, drives: Path, tmp_path: Path) -> None:
    """Two models travel to the workers, and their doubts come back."""
    other = replace(MODEL, model=model_file.resolve("road"), size=(72, 96))
    work = ScanWork(ScanSettings(every_ns=200_000_000), EyesChoice(MODEL, doubts=True, disagrees=True, other=other))
    bags = find_drives([str(drives / "long"), str(drives / "night")])
    worker = work.worker(Scratch(tmp_path), 1)
    here = {o.drive.name: plain(o.result) for o in run_here(worker, bags)}
    worker.close()
    there = run_on_ray(work, bags, ClusterOptions(cluster.address))
    assert {o.drive.name: plain(o.result) for o in there} == here
    assert [len(found) for found in here.values()] == [6, 2]


def test_pictures_are_the_same(cluster: Any, drives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a broken bag among the drives."""
    command = ["bag", "extract", str(drives), "--every", "200ms", "--count", "5", "-o"]
    assert main([*command, str(tmp_path / "here")]) == 1
    assert main([*command, str(tmp_path / "there"), "--ray", cluster.address]) == 1
    assert contents(tmp_path / "there") == contents(tmp_path / "here") and len(contents(tmp_path / "here")) == 6
    assert capsys.readouterr().err.count("broken.mcap has no camera topic") == 2


def plain(found: Scanned) -> list[tuple[object, ...]]:
    assert not found.problems and all(c.uncertainty > 0 and c.disagreement >= 0 for c in found.candidates)
    return [candidate[:-1] for candidate in found.candidates]


def test_a_worker_and_a_machine_that_die_cost_time_alone(
    cluster: Any, drives: Path, labelled: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker by SIGKILL after the first segment, a whole machine after the third; a new one comes and is used."""
    monkeypatch.setattr("ray._private.utils.set_sigterm_handler", lambda handler: None)  # the main thread's alone
    out = tmp_path / "out"
    killed = []

    def kill() -> None:
        killed.append(workers(cluster)[0])
        os.kill(killed[0], signal.SIGKILL)

    def exchange() -> None:
        node = cluster.worker_nodes.copy().pop()
        cluster.remove_node(node, allow_graceful=False)
        killed.append(node)
        cluster.add_node(**NODE)

    threads = [when(segments(out, 1), kill), when(segments(out, 3), exchange)]
    run(cluster, drives, out)
    for thread in threads:
        thread.join()
    assert len(killed) == 2
    assert contents(out) == labelled


def test_a_driver_that_is_killed_goes_on(
    cluster: Any, drives: Path, labelled: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    program = (
        "import sys; from pathlib import Path; from types import SimpleNamespace; from fleet.test_cluster import run;"
        "run(SimpleNamespace(address=sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    command = [sys.executable, "-c", program, cluster.address, str(drives), str(out)]
    driver = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1])
    when(segments(out, 2), driver.kill).join()
    assert driver.wait() == -signal.SIGKILL
    assert segments(out, 2)() and not (out / "long").exists()
    run(cluster, drives, out)
    assert contents(out) == labelled


def test_a_machine_that_cannot_work_is_left_out(
    cluster: Any,
    drives: Path,
    labelled: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("")
    bad = cluster.add_node(**NODE, env_vars={"XDG_CACHE_HOME": str(tmp_path / "file")})
    said = ""
    for attempt in range(6):  # the others may have done all before the bad one has started
        out = tmp_path / f"out{attempt}"
        run(cluster, drives, out)
        assert contents(out) == labelled
        said += capsys.readouterr().err
        if "is left out: " in said:
            break
    cluster.remove_node(bad)
    assert "is left out: " in said and "cannot be written" in said


def test_the_room_that_a_run_asks_for_is_given_back(cluster: Any) -> None:
    from ray.autoscaler._private.constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
    from ray.experimental.internal_kv import _internal_kv_get

    options = ClusterOptions(cluster.address, workers=2, cpus=3)
    with _connected(options):
        with _grown(options):
            assert json.loads(_internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)) == [{"CPU": 3}] * 2
        assert json.loads(_internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)) == []


def test_the_files_for_clusters_fit_together() -> None:
    """Ray takes the one for machines of one's own; the versions of Ray are one."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    root = Path(__file__).resolve().parents[2]
    folder = root / "docker/cluster"
    validate_config(prepare_config(yaml.safe_load((folder / "ray-cluster.yaml").read_text())))
    version = (root / "requirements/cluster.txt").read_text().split("ray==")[1].split()[0]
    job = yaml.safe_load((folder / "kuberay.yaml").read_text())["spec"]
    assert job["rayClusterSpec"]["rayVersion"] == version
    assert f"FROM rayproject/ray:{version}-" in (folder / "Dockerfile").read_text()


def test_what_can_be_known_is_told_at_the_start(drives: Path, tmp_path: Path) -> None:
    bags = find_drives([str(drives)])
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"no Ray cluster can be reached at {address} .*ray start --head"):
            list(run_on_ray(label_work(tmp_path / "out"), bags, ClusterOptions(address)))
    with pytest.raises(ConfigError, match="--ray nonsense: give auto, or HOST:PORT"):
        list(run_on_ray(label_work(tmp_path / "out"), bags, ClusterOptions("nonsense")))
    assert not (tmp_path / "out").exists()
    answer = Hand().start(label_work(tmp_path), [Models.of(MODEL.model)], ClusterOptions(), 1, [tmp_path / "elsewhere"])
    assert isinstance(answer.error, WorkerError)
    assert "does not see" in str(answer.error) and "mount it there by the same path" in str(answer.error)
