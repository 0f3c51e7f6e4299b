from __future__ import annotations

from types import SimpleNamespace

import pytest

from enet_ros.errors import BagError
from enet_ros.stamps import cdr_stamp_ns, sec_nanosec, stamp_ns, with_cdr_stamp


@pytest.mark.parametrize(
    ("ns", "fields"),
    [
        (1_723_456_789_012_345_678, (1_723_456_789, 12_345_678)),
        (999_999_999, (0, 999_999_999)),
        (-1, (-1, 999_999_999)),
    ],
)
def test_stamps_there_and_back(ns: int, fields: tuple[int, int]) -> None:
    assert sec_nanosec(ns) == fields
    assert stamp_ns(SimpleNamespace(sec=fields[0], nanosec=fields[1])) == ns


@pytest.mark.parametrize(("flag", "order"), [(b"\0\1\0\0", "little"), (b"\0\0\0\0", "big")])
@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_a_serialized_stamp_is_read_and_replaced_in_its_byte_order(flag: bytes, order: str, kind: type) -> None:
    data = flag + (5).to_bytes(4, order) + (7).to_bytes(4, order) + b"rest"  # type: ignore[arg-type]
    assert cdr_stamp_ns(kind(data)) == 5_000_000_007
    assert with_cdr_stamp(kind(data), 5_000_000_007) == data
    moved = with_cdr_stamp(kind(data), 4_999_999_999)
    assert moved == flag + (4).to_bytes(4, order) + (999_999_999).to_bytes(4, order) + b"rest"  # type: ignore[arg-type]


def test_what_is_too_short_has_no_stamp() -> None:
    with pytest.raises(BagError, match="a message of 11 bytes has no stamp"):
        cdr_stamp_ns(bytes(11))
    with pytest.raises(BagError, match="a message of 0 bytes"):
        with_cdr_stamp(b"", 1)
