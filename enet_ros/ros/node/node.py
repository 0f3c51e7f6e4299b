"""The lifecycle node: transitions, parameters, timers, diagnostics."""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Callable, Collection
from importlib.util import find_spec
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # where Humble has it
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from enet_ros.errors import ConfigError, EnetRosError, EngineError
from enet_ros.ros import qos
from enet_ros.ros.declare import ParameterServer, answer_setting, unknown_overrides
from enet_ros.ros.node import calibrate_pose, diagnostics
from enet_ros.ros.node.active import Active
from enet_ros.ros.node.bond import Bond
from enet_ros.ros.node.configured import Configured
from enet_ros.ros.node.network import Network
from enet_ros.ros.node.outputs import create
from enet_ros.ros.parameters import NETWORK, Parameters

WATCH_S = 0.2
"""Period of looking for subscribers: the longest that the first of them waits."""
STATUS_S = 1.0

_OPTIONAL = {
    "vision_msgs": "~/label_info (vision_msgs)",
    "tf2_ros": "the camera's pose from TF (tf2_ros)",
    "bond": "the bond with Nav2's lifecycle manager (bond)",
    "cv_bridge": "rare image encodings (cv_bridge)",
}

Return = TransitionCallbackReturn


class EnetNode(LifecycleNode):
    """Camera images in, masks out. Composable in any process: calling rclpy.init and spinning is left to its owner.

    A parameter override that is unusable leaves the node unconfigured: the log, diagnostics and `failure` have the
    reason, and configure fails until the parameter is set.
    """

    def __init__(self, node_name: str = "segmentation", **node_kwargs: Any) -> None:
        super().__init__(node_name, **node_kwargs)
        self._lock = threading.RLock()
        self._configured: Configured | None = None
        self._active: Active | None = None
        self._loading = threading.Lock()
        self._loaded: Network | None = None
        self._numbers = itertools.count(1)
        self._server = ParameterServer(self, self._lock, lambda: self._configured is None, self._accept)
        self.failure = "; ".join(dict.fromkeys(self._server.refused.values()))
        """Why the last transition failed, a network was not loaded, or an override is unusable; '' if all is well."""
        answer_setting(self, self._set, lambda parameters: self._needed(parameters) is not None)
        group = MutuallyExclusiveCallbackGroup()
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # keeps running while simulated time is paused
        self._status = create(self, DiagnosticArray, "/diagnostics", qos.keep_last(10, "reliable"))
        self._transitions = diagnostics.Transitions(self.get_logger().warning)
        self._bond = Bond(self, WATCH_S, group)
        calibrate_pose.serve(self, lambda: self._active, lambda: self.parameters)
        self.create_timer(WATCH_S, self._watch, callback_group=group, clock=steady)
        self.create_timer(STATUS_S, self._report, callback_group=group, clock=steady)
        if missing := [text for package, text in _OPTIONAL.items() if find_spec(package) is None]:
            self.get_logger().info("not installed, therefore off: " + ", ".join(missing))
        for message in unknown_overrides(self):
            self.get_logger().warning(message)
        if self.failure:
            self.get_logger().error(self.failure)

    @property
    def parameters(self) -> Parameters:
        """Current parameters."""
        return self._server.value

    def on_configure(self, state: LifecycleState) -> Return:
        """Load and warm up the model, create the publishers."""
        return self._transition("configure", self._configure, Return.FAILURE)

    def on_activate(self, state: LifecycleState) -> Return:
        """Announce the class ids, start the worker, subscribe to the camera."""
        return self._transition("activate", self._activate, Return.FAILURE)

    def on_deactivate(self, state: LifecycleState) -> Return:
        """Unsubscribe, finish the image in hand, stop the worker."""
        return self._transition("deactivate", self._stop, Return.ERROR)

    def on_cleanup(self, state: LifecycleState) -> Return:
        """Free the model and the outputs."""
        return self._transition("cleanup", self._free, Return.ERROR)

    def on_shutdown(self, state: LifecycleState) -> Return:
        """Stop and free, from any state."""
        return self._transition("shutdown", self._free, Return.ERROR)

    def on_error(self, state: LifecycleState) -> Return:
        """Free everything; the node becomes unconfigured."""
        return self._transition("error processing", self._free, Return.FAILURE)

    def destroy_node(self) -> None:
        """Stop and free, from any state."""
        with self._lock:
            self._free()
        super().destroy_node()
        # It refers to the node, which would stay in the ROS graph until Python collects its reference cycles.
        self._state_machine.destroy_when_not_in_use()

    def _transition(self, name: str, work: Callable[[], None], on_failure: Return) -> Return:
        """rclpy swallows exceptions from transitions; log them here."""
        with self._lock:
            try:
                work()
            except EnetRosError as error:
                self.failure = f"{name} failed: {error}"
                self.get_logger().error(self.failure)
            except Exception as error:  # noqa: BLE001 - reported, and the transition fails
                self.failure = f"{name} failed: {type(error).__name__}: {error}"
                self.get_logger().error(f"{self.failure}\n{traceback.format_exc()}")
            else:
                self.failure = ""
                return Return.SUCCESS
            return on_failure

    def _configure(self) -> None:
        if refused := self._server.refused:
            raise ConfigError("; ".join(dict.fromkeys(refused.values())))
        self._configured = Configured(self, self.parameters, self._numbers)

    def _activate(self) -> None:
        if self._configured is not None:
            active = Active(self, self._configured)
            try:
                active.watch()
            except Exception:
                active.close()
                raise
            self._active = active
            if self.parameters.bond:
                self._bond.form()

    def _stop(self) -> None:
        active, self._active = self._active, None
        if active is not None:
            self._bond.end()
            active.close()

    def _free(self) -> None:
        self._stop()
        configured, self._configured = self._configured, None
        if configured is not None:
            configured.close()

    def _needed(self, parameters: list[Parameter[Any]]) -> tuple[Configured, Parameters] | None:
        """What has to load a network before these are set, and the values after that; None where nothing has to."""
        try:
            wanted = self._server.wanted(parameters)
        except ConfigError:  # to be refused
            return None
        configured, named = self._configured, any(parameter.name == "model" for parameter in parameters)
        return (configured, wanted) if configured is not None and configured.needs_load(wanted, named) else None

    def _set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """As set_parameters_atomically. A network that they need is loaded first, which holds up this thread alone."""
        needed = self._needed(parameters)
        if needed is None:
            return self.set_parameters_atomically(parameters)
        if not self._loading.acquire(blocking=False):
            return SetParametersResult(successful=False, reason="another network is being loaded: try again then")
        try:
            network = self._load(*needed)
            with self._lock:
                if self._configured is not needed[0]:
                    network.close()
                    return SetParametersResult(successful=False, reason="the node was cleaned up in the meantime")
                self._loaded = network
                try:
                    return self.set_parameters_atomically(parameters)
                finally:
                    self._take_loaded(None)
        except EnetRosError as error:
            return SetParametersResult(successful=False, reason=str(error))
        finally:
            self._loading.release()

    def _take_loaded(self, wanted: Parameters | None) -> Network | None:
        """The network that `_set` has loaded, if it is the one wanted; another is freed."""
        network, self._loaded = self._loaded, None
        if network is None or (wanted is not None and network.asked == wanted.network):
            return network
        network.close()
        return None

    def _load(self, configured: Configured, wanted: Parameters) -> Network:
        """A network to be used in place of the one that runs. Raises EnetRosError, and notes the reason."""
        try:
            return configured.load(wanted)
        except Exception as error:
            self.failure = f"{wanted.model} was not loaded, the network before it goes on: {error}"
            self.get_logger().error(self.failure)
            if isinstance(error, EnetRosError):
                raise
            self.get_logger().error(traceback.format_exc())
            raise EngineError(f"{type(error).__name__}: {error}") from error

    def _accept(self, wanted: Parameters, names: Collection[str]) -> None:
        """Serve with these parameters from the next image on. Raises EnetRosError, with nothing changed."""
        with self._lock:
            if self._configured is None:
                return
            if wanted.use_tf and not self.parameters.use_tf and find_spec("tf2_ros") is None:
                raise ConfigError(
                    "use_tf needs tf2_ros, which is not installed: give the pose by camera_height and its like"
                )
            network = None
            if self._configured.needs_load(wanted, "model" in names):
                network = self._take_loaded(wanted) or self._load(self._configured, wanted)
            try:
                serving = self._configured.asked(wanted, network)
            except Exception as error:
                if network is not None:
                    network.close()
                if isinstance(error, RuntimeError):  # rclpy's, for a topic that may not be opened
                    raise ConfigError(f"an output cannot be published: {error}") from error
                raise
            if not set(NETWORK).isdisjoint(names):
                self.failure = ""
            if self._active is None:
                self._configured.exchange(serving)
            else:
                self._active.exchange(serving)

    def _watch(self) -> None:
        self._bond.beat()
        self._unless_in_transition(self._look_after)

    def _look_after(self) -> None:
        if self._configured is not None:
            self._configured.tidy()
        if self._active is not None:
            self._active.watch()

    def _report(self) -> None:
        self._unless_in_transition(self._publish_status)

    def _unless_in_transition(self, work: Callable[[], None]) -> None:
        if self._lock.acquire(blocking=False):
            try:
                work()
            finally:
                self._lock.release()

    def _publish_status(self) -> None:
        statuses = diagnostics.judge(self._health(), self.parameters)
        self._transitions.add(statuses)
        now = self.get_clock().now().to_msg()
        self._status.publish(diagnostics.to_message(self.get_fully_qualified_name(), now, statuses))

    def _health(self) -> diagnostics.Health:
        if self._active is not None:
            return self._active.health(self.failure)
        if self._configured is not None:
            return diagnostics.Health("inactive", self.failure, self._configured.about())
        return diagnostics.Health("unconfigured", self.failure)
