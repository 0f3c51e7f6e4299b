"""Caffe's binary models, read without Caffe or protobuf: layers with their names, types and blobs, nothing else.

A .caffemodel is one protobuf message `NetParameter`. Of its wire format (protobuf.dev/programming-guides/encoding) only
what that message uses is read; every length is checked against the bytes that are there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F32
from enet_ros.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Field numbers of caffe.proto.
_NET_LAYER, _NET_OLD_LAYERS = 100, 2
_LAYER_NAME, _LAYER_TYPE, _LAYER_BLOBS, _LAYER_PYTHON = 1, 2, 7, 130
_BLOB_DATA, _BLOB_SHAPE, _BLOB_OLD_SHAPE = 5, 7, (1, 2, 3, 4)
_PYTHON_PARAMETERS = 3
_MAX_LAYERS = 2000
_MAX_BLOBS = 16
_MAX_DIMENSIONS = 8


class CaffeLayer(NamedTuple):
    """A layer: its name, its type ("Convolution"), its blobs as float32, the string given to a Python layer."""

    name: str
    type: str
    blobs: tuple[F32, ...]
    parameters: str


def read(data: bytes) -> list[CaffeLayer]:
    """The layers of a .caffemodel in its order. Raises ModelError on truncation and on sizes beyond the limits."""
    layers: list[CaffeLayer] = []
    for field, value in _fields(memoryview(data), "the Caffe model"):
        if field == _NET_OLD_LAYERS and isinstance(value, memoryview):
            raise ModelError("the Caffe model is of the layout before 2014; run Caffe's upgrade_net_proto_binary on it")
        if field == _NET_LAYER:
            if len(layers) >= _MAX_LAYERS:
                raise ModelError(f"the Caffe model has more than {_MAX_LAYERS} layers; it is no ENet")
            layers.append(_layer(_message(value, f"layer {len(layers)}"), len(layers)))
    return layers


def _layer(data: memoryview, index: int) -> CaffeLayer:
    name, kind, parameters = f"number {index}", "", ""
    blobs: list[F32] = []
    for field, value in _fields(data, f"layer {name}"):
        if field == _LAYER_NAME:
            name = _text(value, f"layer {name}")
        elif field == _LAYER_TYPE:
            kind = _text(value, f"layer {name}")
        elif field == _LAYER_BLOBS:
            if len(blobs) >= _MAX_BLOBS:
                raise ModelError(f"the Caffe model's layer {name} has more than {_MAX_BLOBS} blobs; it is damaged")
            blobs.append(_blob(_message(value, f"layer {name}"), name))
        elif field == _LAYER_PYTHON:
            for inner, text in _fields(_message(value, f"layer {name}"), f"layer {name}"):
                parameters = _text(text, f"layer {name}") if inner == _PYTHON_PARAMETERS else parameters
    return CaffeLayer(name, kind, tuple(blobs), parameters)


def _blob(data: memoryview, layer: str) -> F32:
    """A blob in the shape it claims."""
    where = f"a blob of layer {layer}"
    values: list[F32] = []
    shape: list[int] = []
    for field, value in _fields(data, where):
        if field == _BLOB_DATA:
            raw = _message(value, where)  # packed; Caffe writes nothing else
            if len(raw) % 4:
                raise ModelError(f"the Caffe model has {where} of {len(raw)} bytes, no whole number of floats")
            values.append(np.frombuffer(raw, "<f4"))
        elif field == _BLOB_SHAPE:
            shape = _dimensions(_message(value, where), where)
        elif field in _BLOB_OLD_SHAPE and isinstance(value, int):
            shape.append(value)
    array = np.concatenate(values) if values else np.zeros(0, np.float32)
    if len(shape) > _MAX_DIMENSIONS or math.prod(shape) != array.size:
        raise ModelError(f"the Caffe model has {where} with {array.size} values for shape {shape}; it is damaged")
    return array.reshape(shape).astype(np.float32)


def _dimensions(data: memoryview, where: str) -> list[int]:
    shape: list[int] = []
    for _, value in _fields(data, where):
        if isinstance(value, int):
            shape.append(value)
            continue
        at = 0
        while at < len(value):
            side, at = _varint(value, at, where)
            shape.append(side)
    return shape


def _fields(data: memoryview, where: str) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at, where)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at, where)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at, where)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ModelError(f"the Caffe model has wire type {wire} in {where}; it is damaged or no Caffe model")
        if size > len(data) - at:
            raise ModelError(f"the Caffe model ends early in {where}: {size} bytes wanted, {len(data) - at} there")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int, where: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ModelError(f"the Caffe model ends early in {where}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ModelError(f"the Caffe model has an endless number in {where}; it is damaged or no Caffe model")


def _message(value: int | memoryview, where: str) -> memoryview:
    if isinstance(value, int):
        raise ModelError(f"the Caffe model has a number where {where} should have content; it is damaged")
    return value


def _text(value: int | memoryview, where: str) -> str:
    return bytes(_message(value, where)).decode("utf-8", "replace")
