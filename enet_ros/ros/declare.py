"""Parameters of the dataclass as ROS parameters: declared with range and description, checked on every change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from enet_ros.errors import ConfigError
from enet_ros.ros.parameters import DEFAULTS, SPECS, TYPES, Parameters, check


def descriptor(name: str) -> ParameterDescriptor:
    """What `ros2 param describe` shows of a parameter."""
    spec, kind = SPECS[name], TYPES[name]
    text = spec.text + (f" [{spec.unit}]" if spec.unit else "")
    made = ParameterDescriptor(name=name, description=text, additional_constraints=", ".join(spec.choices))
    if spec.low is None or spec.high is None:
        return made
    if kind is int:
        made.integer_range = [IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)]
    else:
        made.floating_point_range = [FloatingPointRange(from_value=spec.low, to_value=spec.high, step=0.0)]
    return made


class ParameterServer:
    """The node's parameters. `value` is always a valid whole; a change that would not be is refused with the reason."""

    def __init__(self, node: Node, is_unconfigured: Callable[[], bool], on_change: Callable[[], None]) -> None:
        """Declare everything, overrides included; ConfigError where an override is unusable.

        on_change: called after a change took effect.
        """
        self._is_unconfigured = is_unconfigured
        self._on_change = on_change
        given = {}
        for name in SPECS:
            given[name] = check(name, _declared(node, name))
        self.value = Parameters(**given)
        node.add_on_set_parameters_callback(self._on_set)

    def _on_set(self, parameters: Sequence[Parameter[Any]]) -> SetParametersResult:
        """Refuse or take over, all or nothing. Names that are not ours (use_sim_time, qos_overrides) pass."""
        values = {p.name: _plain(p) for p in parameters if p.name in SPECS}
        fixed = [name for name in values if not SPECS[name].live and values[name] != getattr(self.value, name)]
        if fixed and not self._is_unconfigured():
            reason = f"{fixed[0]} can change only while the node is unconfigured: deactivate and clean up first"
            return SetParametersResult(successful=False, reason=reason)
        try:
            self.value = self.value.changed(values)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if values:
            self._on_change()
        return SetParametersResult(successful=True)


def _declared(node: Node, name: str) -> Any:
    default = getattr(DEFAULTS, name)
    default = list(default) if isinstance(default, tuple) else default
    described = descriptor(name)
    # A YAML file's `min_rate: 10` is an integer, which rclpy would refuse for a double; `check` refuses the others.
    described.dynamic_typing = True
    try:
        return _plain(node.declare_parameter(name, default, described))
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise ConfigError(f"{name} has an unusable value: {error}") from error


def _plain(parameter: Parameter[Any]) -> Any:
    value = parameter.value
    if parameter.type_ == Parameter.Type.BYTE_ARRAY and not value:  # how YAML's and the command line's [] arrives
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else value
