"""Poles, bollards and railings."""

from __future__ import annotations

from functools import lru_cache

from enet_ros.street.cars import Color, Mesh, Modeller

_STEEL: Color = (112, 116, 118)


def _upright(model: Modeller, y0: float, y1: float, z0: float, z1: float, color: Color) -> None:
    """A strip across the street that faces the camera, its right third in shade."""
    model.face([(0, y0, z0), (0, y0, z1), (0, y1, z1), (0, y1, z0)], color)
    third = y0 + (y1 - y0) / 3
    model.detail([(0, y0, z0), (0, y0, z1), (0, third, z1), (0, third, z0)], color, 0.66)


@lru_cache(maxsize=4)
def lamp(towards_road: int) -> Mesh:
    """A street lamp of 7 m; towards_road: sign of y from the pole to the road."""
    model = Modeller()
    _upright(model, -0.1, 0.1, 0, 1.1, (92, 96, 98))
    _upright(model, -0.07, 0.07, 1.1, 7.0, _STEEL)
    low, high = sorted((0.0, towards_road * 1.5))
    _upright(model, low, high, 6.9, 7.0, _STEEL)
    low, high = sorted((towards_road * 1.1, towards_road * 1.7))
    _upright(model, low, high, 6.82, 6.98, (196, 198, 196))
    return model.finish("pole")


@lru_cache(maxsize=4)
def post(height_m: float) -> Mesh:
    """The post of a sign."""
    model = Modeller()
    _upright(model, -0.045, 0.045, 0, height_m, (134, 138, 140))
    return model.finish("pole")


@lru_cache(maxsize=1)
def bollard() -> Mesh:
    """A black bollard of 1 m with a white band."""
    model = Modeller()
    _upright(model, -0.085, 0.085, 0, 1.0, (42, 42, 44))
    model.detail([(0, -0.085, 0.8), (0, -0.085, 0.9), (0, 0.085, 0.9), (0, 0.085, 0.8)], (226, 226, 222))
    return model.finish("pole")


@lru_cache(maxsize=2)
def railing(bars: int) -> Mesh:
    """Six metres of pedestrian guard rail along the street; fewer bars are thicker, for a distance."""
    model = Modeller()
    steel: Color = (150, 154, 154)

    def strip(x0: float, x1: float, z0: float, z1: float, shade: float = 1.0) -> None:
        corners: list[tuple[float, float, float]] = [(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)]
        model.face(corners, steel, shade)
        model.face(corners[::-1], steel, shade)

    for number in range(bars):
        x = 6.0 / (bars - 1) * number
        strip(x, x + 1.125 / bars, 0, 0.95, 0.85)
    strip(0, 6.05, 0.92, 1.0)
    strip(0, 6.05, 0.1, 0.16)
    return model.finish("fence")
