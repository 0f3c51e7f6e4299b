from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.type_support import Srv

class GetParameters(Srv):
    @dataclass(kw_only=True)
    class Request:
        names: Sequence[str] = ...

    @dataclass(kw_only=True)
    class Response:
        values: list[Any] = ...
