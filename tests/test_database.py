"""What tests may count on: real commits, an empty database each, a closed network."""

import os
import socket
import threading

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction
from psycopg import sql

from tests import database
from tests.conftest import NetworkIsClosed, require_program


@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_an_empty_database_and_may_commit(turn):
    assert not Group.objects.exists()

    with transaction.atomic():
        Group.objects.create(name="committed")

    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        found = other.execute("SELECT name FROM auth_group").fetchall()
    assert found == [("committed",)]


def test_what_waits_for_the_commit_runs_in_a_test(db):
    said = []

    with transaction.atomic():
        transaction.on_commit(lambda: said.append("after"))
        said.append("before")

    assert said == ["before", "after"]


def test_the_connection_of_an_ended_thread_is_given_back(transactional_db):
    pids = []

    def work():
        Group.objects.create(name="from a thread")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    left_open = [wrapper for owner, wrapper in database._opened if owner is thread]
    database.reset()

    assert len(pids) == 1
    assert len(left_open) == 1
    assert left_open[0].connection is None
    assert not Group.objects.exists()


def test_a_thread_that_keeps_its_transaction_open_fails_the_test(db):
    held, done = threading.Event(), threading.Event()
    database._cleaner.execute("SET lock_timeout = 100")

    def hold():
        try:
            with transaction.atomic():
                Group.objects.create(name="held")
                Group.objects.filter(name="held").update(name="still held")
                with connection.cursor() as cursor:
                    cursor.execute("LOCK auth_group")
                held.set()
                done.wait(10)
        except OperationalError:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)

    with pytest.raises(pytest.fail.Exception, match="left a transaction open"):
        database.reset()

    done.set()
    thread.join()


def test_emptying_puts_back_what_the_migrations_seeded(django_db_setup):
    name = f"{database._database('seed')}_{threading.get_ident()}"
    with database._maintenance() as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        with psycopg.connect(database._url_of(name), autocommit=True) as direct:
            direct.execute(
                """CREATE TABLE house (
                       id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
                       name text, loud text GENERATED ALWAYS AS (upper(name)) STORED);
                   CREATE TABLE room (house_id bigint REFERENCES house);
                   INSERT INTO house (name) VALUES ('zero')"""
            )
            database._make_reset(direct)
            direct.execute(
                """UPDATE house SET name = 'changed'; INSERT INTO room SELECT id FROM house;
                   INSERT INTO house (name) VALUES ('one')"""
            )

            direct.execute("SET session_replication_role = replica")
            direct.execute("SELECT parley_test.reset()")

            assert direct.execute("SELECT id, name, loud FROM house").fetchall() == [
                (1, "zero", "ZERO")
            ]
            assert direct.execute("SELECT count(*) FROM room").fetchone() == (0,)
    finally:
        with database._maintenance() as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.com", 80), ("2001:db8::1", 80)])
def test_no_test_reaches_another_machine(address):
    with pytest.raises(NetworkIsClosed):
        socket.create_connection(address, timeout=1)


def test_this_machine_is_reachable():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_a_missing_program_skips_with_its_name(monkeypatch):
    monkeypatch.delenv("PARLEY_REQUIRE", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs no-such-program"):
        require_program("no-such-program")


def test_a_required_program_that_is_missing_is_a_failure(monkeypatch):
    monkeypatch.setenv("PARLEY_REQUIRE", "git,no-such-program")

    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing"):
        require_program("no-such-program")


def test_a_program_that_is_there_gives_its_path():
    assert require_program("sh").endswith("/sh")
