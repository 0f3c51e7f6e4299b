#!/usr/bin/env bash
# install.sh [RUNTIME...]: builds /ws/src/enet_ros in an image with ROS 2, and installs what no distribution packages.
set -eo pipefail  # not -u: ROS 2's setup files read variables that are not set
source "/opt/ros/$ROS_DISTRO/setup.bash"
cd /ws
apt-get update
rosdep update --rosdistro "$ROS_DISTRO"
rosdep install --from-paths src --ignore-src --dependency-types=build --dependency-types=buildtool --dependency-types=exec -y
apt-get install -y --no-install-recommends python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv --system-site-packages venv
touch venv/COLCON_IGNORE
source venv/bin/activate
# numpy<2: apt's compiled modules (cv_bridge) are built against NumPy 1 on Humble and Jazzy.
pip install --no-cache-dir safetensors rich rosbags mcap fsspec onnx "numpy<2" "$@"
colcon build --packages-select enet_ros --cmake-args -DBUILD_TESTING=OFF
rm -rf build log
