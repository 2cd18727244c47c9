"""Not collected by itself: a run that test_database_plumbing starts and ends in hard ways."""

import os
import time
from pathlib import Path

from django.db import connection


def test_waits(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        name = cursor.fetchone()[0]
    with Path(os.environ["PARLEY_TEST_MARK"]).open("a") as mark:
        mark.write(f"{os.environ['PARLEY_TEST_RUN']} {name}\n")
    time.sleep(float(os.environ["PARLEY_TEST_WAIT_S"]))
