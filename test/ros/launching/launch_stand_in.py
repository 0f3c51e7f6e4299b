"""A stand-in for the few classes of launch and launch_ros that our launch files use, as their wheels do not exist.

`execute` runs a launch file as `ros2 launch` would and returns the nodes it would start, with their values.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SHARE = Path(__file__).resolve().parents[3]


class Context:
    """launch.LaunchContext: the launch configurations."""

    def __init__(self) -> None:
        self.configurations: dict[str, str] = {}
        self.nodes: list[dict[str, Any]] = []
        self.declared: dict[str, str] = {}


class Description:
    def __init__(self, entities: list[Any]) -> None:
        self.entities = entities

    def execute(self, context: Context) -> None:
        for entity in self.entities:
            entity.execute(context)


class DeclareLaunchArgument:
    def __init__(self, name: str, *, default_value: Any, description: str) -> None:
        self.name, self.default, self.description = name, default_value, description

    def execute(self, context: Context) -> None:
        context.declared.setdefault(self.name, self.description)
        context.configurations.setdefault(self.name, performed(self.default, context))


class OpaqueFunction:
    def __init__(self, *, function: Callable[[Context], list[Any]]) -> None:
        self.function = function

    def execute(self, context: Context) -> None:
        Description(self.function(context)).execute(context)


class GroupAction(Description):
    def execute(self, context: Context) -> None:
        outside = dict(context.configurations)
        super().execute(context)
        context.configurations = outside


class IncludeLaunchDescription:
    def __init__(self, source: str, *, launch_arguments: Any) -> None:
        self.source, self.arguments = source, launch_arguments

    def execute(self, context: Context) -> None:
        context.configurations.update(self.arguments)
        runpy.run_path(self.source)["generate_launch_description"]().execute(context)


class LifecycleNode:
    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments

    def execute(self, context: Context) -> None:
        context.nodes.append(self.arguments)


class LaunchConfiguration:
    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, context: Context) -> str:
        return context.configurations[self.name]


class PathJoinSubstitution:
    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def perform(self, context: Context) -> str:
        return "/".join(performed(part, context) for part in self.parts)


class FindPackageShare:
    def __init__(self, package: str) -> None:
        assert package == "enet_ros"

    def perform(self, context: Context) -> str:
        return str(SHARE)


def performed(value: Any, context: Context) -> str:
    if isinstance(value, list):
        return "".join(performed(part, context) for part in value)
    return value if isinstance(value, str) else str(value.perform(context))


def parameter_value(value: Any, *, value_type: type) -> Any:
    """launch_ros' ParameterValue: without it, a text such as "0" would become a number."""
    return value_type(value)


MODULES: dict[str, dict[str, Any]] = {
    "launch": {"LaunchContext": Context, "LaunchDescription": Description},
    "launch.actions": {
        "DeclareLaunchArgument": DeclareLaunchArgument,
        "GroupAction": GroupAction,
        "IncludeLaunchDescription": IncludeLaunchDescription,
        "OpaqueFunction": OpaqueFunction,
    },
    "launch.launch_description_sources": {"PythonLaunchDescriptionSource": str},
    "launch.substitutions": {
        "LaunchConfiguration": LaunchConfiguration,
        "PathJoinSubstitution": PathJoinSubstitution,
    },
    "launch_ros": {},
    "launch_ros.actions": {"LifecycleNode": LifecycleNode, "Node": LifecycleNode},
    "launch_ros.parameter_descriptions": {"ParameterValue": parameter_value},
    "launch_ros.substitutions": {"FindPackageShare": FindPackageShare},
}


def install(patch: pytest.MonkeyPatch) -> None:
    """Let `import launch` find the stand-in."""
    for name, members in MODULES.items():
        module = ModuleType(name)
        vars(module).update(members)
        patch.setitem(sys.modules, name, module)


def execute(patch: pytest.MonkeyPatch, file: str, *arguments: str) -> Context:
    """`ros2 launch enet_ros FILE NAME:=VALUE...`"""
    install(patch)
    patch.setattr(sys, "argv", ["ros2", "launch", "enet_ros", file, *arguments])
    context = Context()
    context.configurations.update(argument.split(":=", 1) for argument in arguments)  # type: ignore[arg-type]
    runpy.run_path(str(SHARE / "launch" / file))["generate_launch_description"]().execute(context)
    return context
