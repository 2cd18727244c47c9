"""When a sleeping session is woken: pure decisions about one piece of news."""

from dataclasses import dataclass

from hub.policy.inbox import ADDRESSED, MY_TASK, News, Reader, rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """A session that might be woken: its role and whose inbox it reads."""

    role: str
    reader: Reader
    project_channel: int


def wakes(sleeper: Sleeper, news: News, *, by_person: bool) -> bool:
    """Tell whether a session has to read this now; everything else waits for its next turn.

    Woken by what is addressed to it, by a person who speaks where it works, and, for the
    engineering manager, by whatever a person says in the project channel.
    """
    if news.actor_id == sleeper.reader.member_id:
        return False
    nearness = rank(sleeper.reader, news)
    if nearness == ADDRESSED:
        return True
    if not (by_person and news.name == "message.posted"):
        return False
    is_wish = sleeper.role == "em" and news.channel_id == sleeper.project_channel
    return nearness == MY_TASK or is_wish
