"""./run: usage, and the one line that says what a machine lacks. The script runs in an empty clone."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "cat", "cut", "dirname", "flock", "grep", "head", "readlink", "rm", "sha256sum", "uname")

# A python3 that differs from this one in `flaw`.
FLAWED = """
import sys, sysconfig
{flaw}
sys.argv = sys.argv[1:]
exec(sys.stdin.read())
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing set up, and `bin/` as its whole PATH."""
    shutil.copy(REPO / "run", tmp_path)
    shutil.copytree(REPO / "requirements", tmp_path / "requirements")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is None:
            pytest.skip(f"{tool} is not installed")
        (tmp_path / "bin" / tool).symlink_to(found)
    add(tmp_path, "c++", "#!/bin/sh\n")
    return tmp_path


def add(clone: Path, name: str, script: str) -> None:
    path = clone / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(clone / "bin"), "HOME": str(clone), **environment}
    return subprocess.run([clone / "run", *arguments], env=environment, capture_output=True, text=True)


def complaint(clone: Path, **environment: str) -> str:
    done = run(clone, "exec", "true", **environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_usage(clone: Path) -> None:
    done = run(clone, "help")
    assert done.returncode == 0 and "./run demo" in done.stdout
    assert run(clone, "bogus").returncode == 2
    assert run(clone, "exec").returncode == 2
    assert not (clone / ".venv").exists()


def test_a_missing_compiler(clone: Path) -> None:
    (clone / "bin" / "c++").unlink()
    assert "no C++ compiler: apt install g++" in complaint(clone)


def test_another_architecture(clone: Path) -> None:
    add(clone, "uname", "#!/bin/sh\necho aarch64\n")
    assert "x86_64 only, this is aarch64: use ROS 2 from apt" in complaint(clone)


def test_no_python(clone: Path) -> None:
    assert "apt install python3 python3-dev python3-venv" in complaint(clone)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("sys.version_info = (3, 14, 0)", "python3 is Python 3.14, and the ROS 2 wheels exist for 3.10 to"),
        ("sysconfig.get_path = lambda name: '/none'", "Python.h of Python {0} is missing: apt install python{0}-d"),
        ("sys.modules['ensurepip'] = None", "module of Python {0} is missing: apt install python{0}-venv"),
    ],
    ids=["version", "headers", "venv"],
)
def test_an_unusable_python(clone: Path, flaw: str, message: str) -> None:
    (clone / "flawed.py").write_text(FLAWED.format(flaw=flaw))
    add(clone, "python3", f"#!/bin/sh\nexec '{sys.executable}' '{clone}/flawed.py' \"$@\"\n")
    version = "{}.{}".format(*sys.version_info)
    assert message.format(version) in complaint(clone)


@pytest.mark.parametrize(
    ("sourced", "folder", "wheels"),
    [
        ("", ".venv", "ros-kilted.txt"),
        ("humble", ".venv", "ros-kilted.txt"),
        ("jazzy", ".venv-jazzy", "ros-jazzy.txt"),
    ],
)
def test_a_distribution_has_wheels_and_a_folder_of_its_own(clone: Path, sourced: str, folder: str, wheels: str) -> None:
    tools = clone / folder / "bin"
    tools.mkdir(parents=True)
    (clone / folder / "pyvenv.cfg").touch()
    (tools / "pip").write_text(f"#!{tools}/python\n")
    (tools / "python").write_text('#!/bin/sh\n[ "$1" = -c ] || { echo "$@"; exit 1; }\n')
    (tools / "python").chmod(0o755)
    done = run(clone, "exec", "true", ROS_DISTRO=sourced)
    log = clone / folder / "pip-base.log"
    assert done.returncode == 1 and f"see {log}" in done.stderr
    assert f"-rrequirements/{wheels}" in log.read_text().split()


def test_a_running_set_up_is_waited_for(clone: Path) -> None:
    with (clone / "run").open() as script:
        fcntl.flock(script, fcntl.LOCK_EX)
        environment = {"PATH": str(clone / "bin")}
        with subprocess.Popen(
            [clone / "run", "exec", "true"], env=environment, stderr=subprocess.PIPE, text=True
        ) as second:
            assert second.stderr is not None
            assert "waiting for the set-up of another ./run" in second.stderr.readline()
            fcntl.flock(script, fcntl.LOCK_UN)
            assert "no python3 found" in second.stderr.read()


def test_the_environment_of_exec() -> None:
    if not (REPO / "install" / ".built").exists():
        pytest.skip("not set up by ./run: an apt ROS 2 has an environment of its own")
    show = "import os, enet_ros.msg; print(os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'], "
    show += "os.environ['FASTDDS_DEFAULT_PROFILES_FILE'], os.getcwd(), sep='\\n')"
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("ROS_", "FAST"))}
    keep["PYTHONPATH"] = "/opt/ros/foreign"
    run = [REPO / "run", "exec", "python", "-c", show]
    done = subprocess.run(run, env=keep, cwd="/", capture_output=True, text=True)
    assert done.stdout.splitlines() == ["LOCALHOST", str(REPO / "config" / "fastdds.xml"), "/"], done.stderr
    keep |= {"FASTDDS_DEFAULT_PROFILES_FILE": "/mine.xml", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    done = subprocess.run(run, env=keep, cwd="/", capture_output=True, text=True)
    assert done.stdout.splitlines() == ["SUBNET", "/mine.xml", "/"], done.stderr


def test_what_continuous_integration_may_skip() -> None:
    """Each reason is one that a test gives; a blank line would allow all."""
    reasons = (REPO / ".ci" / "skips").read_text().splitlines()
    tests = "".join(path.read_text() for path in (REPO / "test").rglob("*.py"))
    assert reasons and all(reason and reason in tests for reason in reasons)
