"""A bag's metadata.yaml, version 8: the newest that Humble, Iron, Jazzy and later all read.

Source: rosbag2_storage/yaml.hpp of rosbag2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from rosbags.interfaces import Connection
from rosbags.rosbag2.metadata import dump_qos_v8

from enet_ros.files import write

VERSION: Literal[8] = 8
NAME = "metadata.yaml"


class FileEntry(NamedTuple):
    """One storage file: its name, first and last log time in ns, and its messages by topic."""

    name: str
    start_ns: int
    end_ns: int
    counts: dict[str, int]


def write_metadata(
    folder: Path,
    storage: str,
    connections: Sequence[Connection],
    files: Sequence[FileEntry],
    custom_data: Mapping[str, str],
) -> None:
    """Write the metadata.yaml of a bag of one or several storage files, in one step."""
    start = min((file.start_ns for file in files), default=0)
    end = max((file.end_ns for file in files), default=0)
    information: dict[str, Any] = {
        "version": VERSION,
        "storage_identifier": storage,
        "duration": {"nanoseconds": end - start},
        "starting_time": {"nanoseconds_since_epoch": start},
        "message_count": sum(sum(file.counts.values()) for file in files),
        "topics_with_message_count": [_topic(connection, files) for connection in connections],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": [file.name for file in files],
        "files": [
            {
                "path": file.name,
                "starting_time": {"nanoseconds_since_epoch": file.start_ns},
                "duration": {"nanoseconds": file.end_ns - file.start_ns},
                "message_count": sum(file.counts.values()),
            }
            for file in files
        ],
        "custom_data": dict(custom_data) or None,
        "ros_distro": "rosbags",
    }
    text = yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False)
    write(folder / NAME, text)


def _topic(connection: Connection, files: Sequence[FileEntry]) -> dict[str, Any]:
    extension: Any = connection.ext
    return {
        "topic_metadata": {
            "name": connection.topic,
            "type": connection.msgtype,
            "serialization_format": extension.serialization_format,
            "offered_qos_profiles": dump_qos_v8(extension.offered_qos_profiles),
            "type_description_hash": connection.digest,
        },
        "message_count": sum(file.counts.get(connection.topic, 0) for file in files),
    }
