"""The command line: `enet_ros VERB ...`.

A verb is a module of this package with `add_arguments(parser)` and `run(args) -> int`, imported only when
it is chosen, so that `enet_ros models` does not wait for torch. Its docstring is its `--help`: the first
line the summary, the rest what it does, with examples to copy.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from enet_ros.errors import ConfigError, EnetRosError, unknown_name
from enet_ros.places import without_secrets

VERSION: Final = "0.1.0"
"""The version of this package; setup.cfg reads it and a test holds package.xml to it."""


VERBS: Final[dict[str, str]] = {
    "models": "list the shipped models, or show one model file's card",
    "train": "train a model on labelled datasets, known by name or folders of your own, or a mix of them",
    "evaluate": "score a model on images, a bag, the synthetic street, or a running node",
    "export": "write a model as ONNX, OpenVINO or a TensorRT engine",
    "import": "turn another project's ENet weights into a model file",
    "bench": "time sizes, engines and precisions on this machine",
    "bag": "create, inspect and play ROS 2 bags, without a ROS installation",
    "dataset": "make a dataset of an annotation tool's export; look at it, check it, split it by drives",
    "label": "add masks, overlays and free space to the cameras of a bag",
}
"""What `--help` says of each verb; its module has its name (`import_`, since `import` is a keyword)."""

REMEDIES: Final = {
    "cv2": "pip install opencv-python-headless",
    "yaml": "pip install PyYAML",
    "rclpy": "source ROS 2, or use ./run exec enet_ros",
}

EPILOG: Final = """\
examples:
  enet_ros models                                          what is shipped, and how good it is
  enet_ros evaluate --model camvid --images I --labels L --classes camvid
  enet_ros export --model camvid --format onnx --size 480x360
  enet_ros label drive.mcap drive_labelled                 masks into a recorded bag
  enet_ros VERB --help                                     what a verb does, with examples

ROS starts the node itself: `ros2 launch enet_ros segment.launch.py`, `ros2 run enet_ros segment`, and, to see it at
work on a folder, a video or a bag, `ros2 run enet_ros demo`. Without an apt ROS: `./run exec segment`, `./run demo`.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 done, 1 not passed, 2 wrong input, 130 interrupted."""
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except EnetRosError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader went away, as in `enet_ros models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return 130


def _run(argv: list[str]) -> int:
    parser = _parser()
    verb = parser.parse_args(argv[:1]).verb
    if verb is None:
        parser.print_help()
        return 2
    module = load(verb)
    args = _verb_parser(verb, module).parse_args(argv[1:])
    try:
        code: int = module.run(args)
    except ModuleNotFoundError as error:  # heavy ones are imported where they are needed
        raise _missing(verb, error) from None
    return code


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS)) + 2
    table = "\n".join(f"  {name:<{width}}{summary}" for name, summary in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="enet_ros",
        description=f"Semantic segmentation for ROS 2 with ENet.\n\nverbs:\n{table}",
        epilog=EPILOG,
        usage="enet_ros VERB [ARGUMENTS]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"enet_ros {VERSION}")
    parser.add_argument("verb", nargs="?", help=argparse.SUPPRESS)
    return parser


def _verb_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"enet_ros {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return parser


def module_of(verb: str) -> str:
    """The name of a verb's module in this package."""
    return f"{verb}_" if keyword.iskeyword(verb) else verb


def load(name: str) -> ModuleType:
    """The module of a verb; raises ConfigError for an unknown one and where a library it needs is missing."""
    if name not in VERBS:
        raise ConfigError(unknown_name("verb", name, VERBS))
    try:
        return importlib.import_module(f"enet_ros.cli.{module_of(name)}")
    except ModuleNotFoundError as error:
        raise _missing(name, error) from None


def _missing(verb: str, error: ModuleNotFoundError) -> Exception:
    """What to say of a library that is not installed; a module of our own that is missing is a fault of ours."""
    if error.name is None or error.name.startswith("enet_ros"):
        return error
    package = error.name.partition(".")[0]
    return ConfigError(
        f"'{verb}' needs the Python module '{package}': {REMEDIES.get(package, f'pip install {package}')}"
    )


def _fail(message: str) -> int:
    print(f"enet_ros: {without_secrets(message)}", file=sys.stderr)
    return 2
