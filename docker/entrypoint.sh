#!/usr/bin/env bash
# Runs a command with ROS 2, the workspace and its venv sourced; signals reach the command itself.
set -eo pipefail
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /ws/install/setup.bash
source /ws/venv/bin/activate
exec "$@"
