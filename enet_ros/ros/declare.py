"""The parameters of `enet_ros.ros.parameters` as ROS parameters: declared with type, range and description."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.exceptions import ParameterNotDeclaredException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_parameters

from enet_ros.errors import ConfigError, EnetRosError, unknown_name
from enet_ros.ros import patient
from enet_ros.ros.parameters import DEFAULTS, SPECS, TYPES, Change, Parameters

_KINDS = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    list: Parameter.Type.STRING_ARRAY,
}
_TOGETHER = ("input_height", "input_width")
"""Parameters whose values are valid only together."""
_RCLPY = ("use_sim_time", "start_type_description_service")


def descriptor(name: str) -> ParameterDescriptor:
    """What `ros2 param describe` shows of a parameter."""
    spec, kind = SPECS[name], TYPES[name]
    constraints = [f"one of {', '.join(spec.choices)}"] if spec.choices else []
    made = ParameterDescriptor(
        name=name,
        type=_KINDS[kind].value,
        description=spec.text + (f" [{spec.unit}]" if spec.unit else ""),
        additional_constraints="; ".join([*constraints, f"may change {spec.change.value}"]),
        read_only=spec.change is Change.START,
    )
    if spec.low is None or spec.high is None:
        return made
    if kind is int:
        made.integer_range = [IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)]
    else:
        made.floating_point_range = [FloatingPointRange(from_value=spec.low, to_value=spec.high, step=0.0)]
    return made


class ParameterServer:
    """The node's parameters. `value` is always valid as a whole; a change that is not is refused with the reason."""

    def __init__(
        self,
        node: Node,
        lock: AbstractContextManager[Any],
        is_unconfigured: Callable[[], bool],
        accept: Callable[[Parameters, Collection[str]], None],
    ) -> None:
        """Declare every parameter; an unusable override is replaced by the default and noted in `refused`.

        lock: reentrant, held while a change is judged and accepted.
        accept: called with the values after a change that is valid as such, before it counts, and with the names that
        are set; raises EnetRosError to refuse it.
        """
        self._lock = lock
        self._is_unconfigured = is_unconfigured
        self._accept = accept
        self.refused: dict[str, str] = {}
        """Name -> why its override is unusable, until the parameter is set."""
        self.value = self._accepted({name: _plain(given) for name, given in node._parameter_overrides.items()})
        for name in SPECS:
            default, parameter = (_parameter(name, getattr(values, name)) for values in (DEFAULTS, self.value))
            value = default.value if parameter.value == [] else parameter.value
            node.declare_parameter(name, value, descriptor(name), ignore_override=True)
            if parameter.value == []:  # whose type rclpy cannot tell
                node.set_parameters([parameter])
        if hasattr(node, "add_pre_set_parameters_callback"):  # Humble refuses an integer for a double
            node.add_pre_set_parameters_callback(lambda parameters: [_typed(p) for p in parameters])
        node.add_on_set_parameters_callback(self._on_set)

    def _accepted(self, given: Mapping[str, Any]) -> Parameters:
        value = DEFAULTS
        for names in (_TOGETHER, *((name,) for name in SPECS if name not in _TOGETHER)):
            try:
                value = value.changed({name: given[name] for name in names if name in given})
            except ConfigError as error:
                self.refused |= dict.fromkeys(names, str(error))
        return value

    def wanted(self, parameters: Sequence[Parameter[Any]]) -> Parameters:
        """The values after these have been set; names that are not ours (use_sim_time, qos_overrides) are passed over.

        Raises ConfigError where they are not valid, or may not change now.
        """
        values = {p.name: _plain(p) for p in parameters if p.name in SPECS}
        changed = [name for name, value in values.items() if value != getattr(self.value, name)]
        fixed = [name for name in changed if SPECS[name].change in (Change.UNCONFIGURED, Change.START)]
        if fixed and not self._is_unconfigured():
            raise ConfigError(
                f"{fixed[0]} can change only while the node is unconfigured: deactivate and clean up first"
            )
        return self.value.changed(values)

    def _on_set(self, parameters: Sequence[Parameter[Any]]) -> SetParametersResult:
        """Refuse or accept, all or nothing; one change after the other, whatever thread makes it."""
        names = {p.name for p in parameters if p.name in SPECS}
        with self._lock:
            try:
                wanted = self.wanted(parameters)
                if names:
                    self._accept(wanted, names)
            except EnetRosError as error:
                return SetParametersResult(successful=False, reason=str(error))
            self.value = wanted
            self.refused = {name: reason for name, reason in self.refused.items() if name not in names}
        return SetParametersResult(successful=True)


def answer_setting(
    node: Node,
    answer: Callable[[list[Parameter[Any]]], SetParametersResult],
    takes_time: Callable[[list[Parameter[Any]]], bool],
) -> None:
    """Have a function answer the node's services that set parameters, in a thread of its own where it takes time."""

    def answered(parameters: list[Parameter[Any]]) -> SetParametersResult:
        try:
            return answer(parameters)
        except ParameterNotDeclaredException as error:  # as rclpy's own services do
            return SetParametersResult(successful=False, reason=str(error))

    def begin(request: Any, response: Any, reply: Callable[[Any], None]) -> None:
        parameters = [Parameter.from_parameter_msg(message) for message in request.parameters]
        together = isinstance(response, SetParametersAtomically.Response)
        calls = [parameters] if together else [[parameter] for parameter in parameters]

        def work() -> None:
            results = [answered(call) for call in calls]
            if together:
                response.result = results[0]
            else:
                response.results = results
            reply(response)

        if any(map(takes_time, calls)):
            threading.Thread(target=work, name="enet_ros_set").start()
        else:
            work()

    for service in [one for one in node.services if one.srv_type in (SetParameters, SetParametersAtomically)]:
        kind, name = service.srv_type, service.srv_name
        node.destroy_service(service)
        patient.create_service(node, kind, name, begin, qos_profile=qos_profile_parameters)


def unknown_overrides(node: Node) -> list[str]:
    """A message for each parameter override (of a file, -p, or launch) that no parameter of the node takes."""
    return [
        unknown_name("parameter", name, SPECS)
        for name in node._parameter_overrides
        if name not in SPECS and name not in _RCLPY and not name.startswith("qos_overrides.")
    ]


def _parameter(name: str, value: Any) -> Parameter[Any]:
    return Parameter(name, _KINDS[TYPES[name]], list(value) if isinstance(value, tuple) else value)


def _typed(parameter: Parameter[Any]) -> Parameter[Any]:
    """The parameter with an integer as a float and [] (which arrives as bytes) as a list of strings, as declared."""
    kind = TYPES.get(parameter.name)
    if kind is float and parameter.type_ == Parameter.Type.INTEGER:
        return _parameter(parameter.name, float(parameter.value))
    if kind is list and not parameter.value and parameter.type_ != Parameter.Type.NOT_SET:
        return _parameter(parameter.name, ())
    return parameter


def _plain(parameter: Parameter[Any]) -> Any:
    value = parameter.value
    if not value and (
        parameter.type_ == Parameter.Type.BYTE_ARRAY  # how the command line's [] arrives
        or (parameter.type_ == Parameter.Type.NOT_SET and TYPES.get(parameter.name) is list)  # and that of a file
    ):
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else value
