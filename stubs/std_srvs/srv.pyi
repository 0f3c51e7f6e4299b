from dataclasses import dataclass

from rclpy.type_support import Srv

class SetBool(Srv):
    @dataclass(kw_only=True)
    class Request:
        data: bool = ...

    @dataclass(kw_only=True)
    class Response:
        success: bool = ...
        message: str = ...
