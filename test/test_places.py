"""What of an address people may see. Stores themselves: test/fleet."""

from __future__ import annotations

import pytest

from enet_ros.frames.live import shown
from enet_ros.places import Place, without_secrets


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtsp://10.0.0.7/s?live&password=secret", "rtsp://10.0.0.7/s"),
        ("http://cam/video.cgi?&user=a&pwd=secret", "http://cam/video.cgi"),
        ("rtsp://h/s?admin:secret", "rtsp://h/s"),
        ("https://h/x.mcap?sig[a]=secret", "https://h/x.mcap"),
        ("http://cam/video?mail=a@secret", "http://cam/video"),
        ("RTMPS://h/app/secret's?secret'secret", "RTMPS://h/app/secret's"),
        ("rtsp://user:pa/ss@h/x", "rtsp://h/x"),
        ("rtsp://user:pa#ss@h/x", "rtsp://h/x"),
        ("http://user:12/34@h:8080/x", "http://h:8080/x"),
        ("rtsp://user:pa?ss@h/x", "rtsp://"),
        ("sftp://user:pa/ss@h/x", "sftp://h/x"),
        ("http://[fe80::1]:80/day@1/x", "http://[fe80::1]:80/day@1/x"),
        ("https://h/day@1/x", "https://h/day@1/x"),
    ],
)
def test_what_is_shown_of_an_address(url: str, said: str) -> None:
    assert shown(url) == str(Place(url)) == without_secrets(url) == said
    assert without_secrets(f"camera {url} has ended, see '{said}'") == f"camera {said} has ended, see '{said}'"


def test_spaces_and_quotes_of_an_address_that_stands_alone() -> None:
    for url in ("rtsp://h/s?user=a;pwd=a'b secret", "rtsp://user:pa ss@h/s", 'rtsp://h/s?"secret"\n<secret>'):
        assert shown(url) == str(Place(url)) == "rtsp://h/s"


def test_an_address_that_was_taken_for_a_path() -> None:
    assert without_secrets("there is no file rtsp:/user:pa/ss@h/s?secret") == "there is no file rtsp:/h/s"


def test_a_quote_ends_an_address_that_is_in_quotes() -> None:
    text = "['https://a/x?s', 'https://b/y?t']: at \"http://u:p'w@h/x?k='\", then"
    assert without_secrets(text) == "['https://a/x', 'https://b/y']: at \"http://h/x\", then"


def test_the_name_of_a_place() -> None:
    assert Place("/data/run?v=1/drive?a=b.mcap").name == "drive?a=b.mcap"
    assert Place("https://h/day@1.mcap?sig[a]=x/y").name == "day@1.mcap"
    assert Place("s3://b/day@1.mcap?sig=x/y").name == "day@1.mcap"
