from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.type_support import Srv

class GetParameters(Srv):
    @dataclass(kw_only=True)
    class Request:
        names: Sequence[str] = ...

    @dataclass(kw_only=True)
    class Response:
        values: list[Any] = ...

class SetParameters(Srv):
    @dataclass(kw_only=True)
    class Request:
        parameters: Sequence[Any] = ...

    @dataclass(kw_only=True)
    class Response:
        results: list[SetParametersResult] = ...

class SetParametersAtomically(Srv):
    @dataclass(kw_only=True)
    class Request:
        parameters: Sequence[Any] = ...

    @dataclass(kw_only=True)
    class Response:
        result: SetParametersResult = ...
