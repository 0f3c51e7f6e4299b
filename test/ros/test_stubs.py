"""The stubs in stubs/ name the fields that the message packages have."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

STUBS = Path(__file__).resolve().parents[2] / "stubs"


@pytest.mark.parametrize("path", sorted(STUBS.glob("*/msg.pyi")), ids=lambda path: path.parent.name)
def test_stubs_have_the_messages_fields(path: Path) -> None:
    messages = importlib.import_module(f"{path.parent.name}.msg")
    for stub in ast.parse(path.read_text()).body:
        if isinstance(stub, ast.ClassDef):
            fields = [line for line in stub.body if isinstance(line, ast.AnnAssign)]
            names = {ast.unparse(line.target) for line in fields if "ClassVar" not in ast.unparse(line.annotation)}
            constants = {ast.unparse(line.target) for line in fields} - names
            message = getattr(messages, stub.name)
            assert names == set(message.get_fields_and_field_types()), stub.name
            assert all(hasattr(message, name) for name in constants), stub.name
