"""Transcripts: read in pages by a cursor, and never a weight on what shows many sessions."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Entry, EntryKind, Session
from hub.models import User

from .stage import Set

LONG = "x" * 1_000_000
LINES = 1_050
MOMENT = re.compile(
    r'<time[^>]*>[^<]*</time>|nonce-?="?[\w+/=-]+|name="csrfmiddlewaretoken" value="\w+"'
)


def write(row: Session, texts: list[str]) -> None:
    Entry.objects.filter(session=row).delete()
    Entry.objects.bulk_create(
        Entry(
            session=row,
            seq=seq,
            kind=EntryKind.TOOL,
            title="read_file",
            text=text,
            at=row.created_at,
        )
        for seq, text in enumerate(texts, 1)
    )


@pytest.fixture
def row(stage: Set) -> Session:
    return stage.start("tester")


def test_a_transcript_is_read_page_by_page_without_gap_or_repeat(stage: Set, row: Session) -> None:
    write(row, [f"line {number}" for number in range(1, LINES + 1)])
    found: list[int] = []

    while True:
        after = found[-1] if found else 0
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page = stage.act("session.transcript", session=row.number, after=after, limit=100)
        entries = [one["sql"] for one in asked if "agents_entry" in one["sql"]]
        assert len(entries) == 1
        assert "LIMIT 100" in entries[0]
        if not page:
            break
        found += [line["seq"] for line in page]

    assert found == list(range(1, LINES + 1))


def test_lists_of_sessions_do_not_grow_with_their_transcripts(stage: Set, row: Session) -> None:
    browser = Client()
    browser.force_login(User.objects.get(pk=stage.person.user_id))
    sizes = []
    for text in ("short", LONG):
        write(row, [text] * 20)
        answer = browser.get("/p/word-count/team/")
        sizes.append(len(MOMENT.sub("", answer.content.decode())))

    with CaptureQueriesContext(connection) as asked:
        stage.act("session.list")

    assert sizes[0] == sizes[1]
    assert not any("agents_entry" in one["sql"] for one in asked)
