"""Make the log append-only by the database itself; a purge must say so in its transaction."""

from django.db import migrations

GUARD = """
CREATE FUNCTION parley_guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('parley.purge', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION 'the event log is append-only';
END
$$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON hub_event
    FOR EACH ROW EXECUTE FUNCTION parley_guard_event();
"""

UNGUARD = """
DROP TRIGGER event_append_only ON hub_event;
DROP FUNCTION parley_guard_event();
"""


class Migration(migrations.Migration):
    dependencies = [("hub", "0001_initial")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
