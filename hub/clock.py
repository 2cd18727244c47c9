"""The one clock: the database's, so that all machines agree. Tests replace `now`."""

from datetime import datetime

from django.db import connection


def now(read: datetime | None = None) -> datetime:
    """Give the database's time, aware and in UTC.

    `read` is a clock value that came along with another row; it saves the query.
    """
    if read is not None:
        return read
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]
