"""One reader of the log for all sockets of a process: each part is rendered once.

Two threads: one listens to the doorbell, one reads and renders. A socket joins through the same
queue, so it gets what came after its page and then everything in order, without a hole.
"""

import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import close_old_connections
from django.template.loader import render_to_string

from hub import fanout
from hub.errors import HubError
from hub.models import Event, Project
from hub.parts import live
from hub.parts.live import Part

MAX_BEHIND = 300
KEPT = 600
PAUSE_S = 1.0

logger = logging.getLogger(__name__)

Put = Callable[[str], None]
Turn = Callable[[int], None]


@dataclass(eq=False, slots=True, kw_only=True)
class Reader:
    """One socket: what it watches, and how to hand it text; `after` 0 starts at the log's end.

    `put` and `refuse` (a close code) never block.
    """

    project_id: int
    member_id: int
    topics: frozenset[str]
    after: int
    put: Put
    refuse: Turn


@dataclass(slots=True)
class _Stream:
    """One project's place in its log, its sockets, and the parts rendered last."""

    seq: int
    readers: set[Reader] = field(default_factory=set)
    kept: "OrderedDict[int, tuple[Event, list[Part]]]" = field(default_factory=OrderedDict)


class Feed:
    """The process's reader. `join` and `leave` may be called from any thread."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._streams: dict[int, _Stream] = {}
        self._stop = threading.Event()
        self._start_once = threading.Lock()
        self._threads: list[threading.Thread] = []

    def join(self, reader: Reader) -> None:
        """Let a socket read from where its page ended."""
        self._ensure_running()
        self._work.put(lambda: self._joined(reader))

    def leave(self, reader: Reader) -> None:
        """Forget a socket."""
        self._work.put(lambda: self._left(reader))

    def readers_of(self, member_id: int) -> list[Reader]:
        """List the sockets that a member has open in this process."""
        streams = list(self._streams.values())
        return [one for each in streams for one in list(each.readers) if one.member_id == member_id]

    def close(self) -> None:
        """Stop both threads; a later join starts them again."""
        self._stop.set()
        self._work.put(None)
        for thread in self._threads:
            thread.join(timeout=5)
        self._threads.clear()
        self._streams.clear()

    def _ensure_running(self) -> None:
        with self._start_once:
            if self._threads and all(thread.is_alive() for thread in self._threads):
                return
            self._stop.set()
            self._stop, self._work = threading.Event(), queue.SimpleQueue()
            listen = threading.Thread(target=self._listen, name="doorbell", daemon=True)
            read = threading.Thread(target=self._read, name="feed", daemon=True)
            self._threads = [listen, read]
            for thread in self._threads:
                thread.start()

    def _listen(self) -> None:
        fanout.listen(self._rang, self._stop)

    def _rang(self, ring: fanout.Ring) -> None:
        self._work.put(lambda: self._woken(ring))

    def _read(self) -> None:
        stop, waiting = self._stop, self._work
        while not stop.is_set():
            try:
                work = waiting.get(timeout=settings.SWEEP_S)
            except queue.Empty:
                work = self._sweep
            if work is None:
                break
            try:
                close_old_connections()
                work()
            except Exception:
                logger.exception("the feed could not read the log; it goes on")
                stop.wait(PAUSE_S)
        close_old_connections()

    def _sweep(self) -> None:
        for project_id in list(self._streams):
            self._advance(project_id)

    def _woken(self, ring: fanout.Ring) -> None:
        stream = self._streams.get(ring.project_id)
        if stream is None:
            return
        if ring.topic:
            watching = [one for one in stream.readers if ring.topic in one.topics]
            if watching:
                project = Project.objects.get(pk=ring.project_id)
                _hand_out(watching, live.parts_of_ring(project, ring.topic, ring.seq), stream.seq)
        elif ring.seq > stream.seq:
            self._advance(ring.project_id)

    def _joined(self, reader: Reader) -> None:
        stream = self._streams.get(reader.project_id)
        if stream is None:
            stream = self._streams[reader.project_id] = _Stream(_end_of(reader.project_id))
        else:
            self._advance(reader.project_id)
        behind = stream.seq - reader.after if reader.after else 0
        if behind > MAX_BEHIND:
            reader.put(_gap(stream.seq))
        elif behind > 0:
            for event in _events(reader.project_id, reader.after, stream.seq):
                _hand_out([reader], _parts(stream, event), event.seq)
        stream.readers.add(reader)

    def _left(self, reader: Reader) -> None:
        stream = self._streams.get(reader.project_id)
        if stream is not None:
            stream.readers.discard(reader)
            if not stream.readers:
                del self._streams[reader.project_id]

    def _advance(self, project_id: int) -> None:
        stream = self._streams[project_id]
        for event in _events(project_id, stream.seq, None):
            _hand_out(stream.readers, _parts(stream, event), event.seq)
            stream.seq = event.seq
            if event.name == "member.retired":
                _show_out(stream.readers, live.number_of(event))


def _events(project_id: int, after: int, upto: int | None) -> Iterable[Event]:
    rows = Event.objects.filter(project_id=project_id, seq__gt=after).order_by("seq")
    if upto is not None:
        rows = rows.filter(seq__lte=upto)
    return rows.select_related("project", "actor", "channel")


def _end_of(project_id: int) -> int:
    rows = Event.objects.filter(project_id=project_id).order_by("-seq")
    return rows.values_list("seq", flat=True).first() or 0


def _parts(stream: _Stream, event: Event) -> list[Part]:
    """Render an event's parts once; the last ones are kept for sockets that come back."""
    if event.seq not in stream.kept:
        stream.kept[event.seq] = (event, _rendered(event))
        while len(stream.kept) > KEPT:
            stream.kept.popitem(last=False)
    return stream.kept[event.seq][1]


def _rendered(event: Event) -> list[Part]:
    try:
        return live.parts_of(event)
    except HubError as error:
        logger.warning(
            "event %s of project %s shows nothing: %s", event.seq, event.project_id, error
        )
        return []


def _hand_out(readers: Iterable[Reader], parts: list[Part], seq: int) -> None:
    """Give each socket the parts of its topics, as one text, with the number reached."""
    texts: dict[frozenset[str], str] = {}
    for reader in readers:
        if reader.topics not in texts:
            found = [part.html for part in parts if part.topics & reader.topics]
            texts[reader.topics] = "".join([*found, mark(seq)])
        reader.put(texts[reader.topics])


def _show_out(readers: Iterable[Reader], member_id: int) -> None:
    for reader in list(readers):
        if reader.member_id == member_id:
            reader.refuse(4403)


def mark(seq: int) -> str:
    """Write the element that tells the page how far it has read."""
    return f'<i id="live-seq" data-seq="{seq}" hx-swap-oob="true" hidden></i>'


def _gap(seq: int) -> str:
    return render_to_string("hub/_gap.html", {"seq": seq}) + mark(seq)
