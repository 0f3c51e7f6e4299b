"""The service ~/calibrate_pose: the camera's pitch and roll from what it sees, set where that is asked for."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter

from enet_ros.ros import patient
from enet_ros.ros.node.active import Active
from enet_ros.ros.node.looking import Looking
from enet_ros.ros.parameters import Parameters
from enet_ros.srv import CalibratePose

FRAMES = 30
TIMEOUT_S = 20.0


def serve(node: Node, active: Callable[[], Active | None], parameters: Callable[[], Parameters]) -> None:
    """Create the service. active: what answers images now, or None. parameters: returns the current ones."""

    def begin(request: Any, response: Any, reply: Callable[[Any], None]) -> None:
        response.pitch = response.roll = response.pitch_spread = response.roll_spread = math.nan
        running = active()
        if running is None or running.looking is not None:
            response.message = "the node is not active" if running is None else "another call is being answered"
            reply(response)
            return
        running.looking = Looking(request.frames or FRAMES, request.timeout or TIMEOUT_S)
        arguments = running, running.looking, request.apply, response, reply
        threading.Thread(target=answer, args=arguments, name="enet_ros_calibrate").start()

    def answer(running: Active, looking: Looking, apply: bool, response: Any, reply: Callable[[Any], None]) -> None:
        looking.done.result()
        running.looking = None
        looking.close()
        response.frames, found, response.message = looking.result(parameters().camera_roll)
        if found is not None:
            response.pitch, response.pitch_spread = found.pitch_rad, found.pitch_spread_rad
            response.roll, response.roll_spread = found.roll_rad, found.roll_spread_rad
        response.success = found is not None and not response.message
        if response.success:
            response.message = told(response.pitch, response.roll, apply)
        reply(response)

    def told(pitch: float, roll: float, apply: bool) -> str:
        """Set what is known of the tilt, if that is asked for; what the caller should know."""
        angles, missing = {"camera_pitch": pitch, "camera_roll": roll}, ""
        if math.isnan(roll):
            del angles["camera_roll"]
            missing = "; too few upright edges were seen to tell the roll"
        if not apply:
            return f"nothing is set{missing}"
        if parameters().use_tf:
            return f"nothing is set: use_tf is true, and the pose comes from TF{missing}"
        result = node.set_parameters_atomically([Parameter(name, value=value) for name, value in angles.items()])
        return f"{' and '.join(angles)} set{missing}" if result.successful else f"nothing is set: {result.reason}"

    patient.create_service(node, CalibratePose, "~/calibrate_pose", begin)
