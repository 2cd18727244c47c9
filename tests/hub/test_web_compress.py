"""What is compressed on its way to the browser, and what is not."""

import gzip

import pytest
from django.test import Client

GZIP = {"Accept-Encoding": "gzip, br"}
SCRIPT = "/static/hub/vendor/htmx-2.0.11.min.js"
FONT = "/static/hub/fonts/inter-latin-wght-5.3.0.woff2"


def body(answer) -> bytes:
    """Read all of an answer and close its file."""
    whole = b"".join(answer) if answer.streaming else answer.content
    answer.close()
    return whole


@pytest.mark.parametrize(
    "path", [SCRIPT, "/static/hub/css/base.css", "/static/hub/vendor/lucide-1.62.0.svg"]
)
def test_static_text_is_compressed_whole(client: Client, path: str) -> None:
    plain = client.get(path)
    packed = client.get(path, headers=GZIP)

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == body(plain)
    assert int(packed["Content-Length"]) == len(packed.content) < int(plain["Content-Length"])
    assert "Accept-Encoding" in packed["Vary"]


def test_a_page_is_compressed(client: Client, db: None) -> None:
    packed = client.get("/account/login/", headers=GZIP)

    assert packed["Content-Encoding"] == "gzip"
    assert b"Log in" in gzip.decompress(packed.content)


@pytest.mark.parametrize("path", [FONT, "/api/openapi.json"])
def test_fonts_and_the_api_go_as_they_are(client: Client, db: None, path: str) -> None:
    answer = client.get(path, headers=GZIP)

    assert answer.status_code == 200
    assert "Content-Encoding" not in answer
    assert len(body(answer)) > 10_000


def test_a_browser_that_takes_no_gzip_gets_plain_text(client: Client) -> None:
    answer = client.get(SCRIPT, headers={"Accept-Encoding": "br"})

    assert "Content-Encoding" not in answer
    assert body(answer).startswith(b"var htmx=")


def test_a_static_file_that_the_browser_has_is_not_sent_again(client: Client) -> None:
    tag = client.get(SCRIPT, headers=GZIP)["ETag"]

    again = client.get(SCRIPT, headers={**GZIP, "If-None-Match": tag})

    assert tag.startswith('W/"')
    assert (again.status_code, body(again)) == (304, b"")
