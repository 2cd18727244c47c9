"""Every command that can be meant can be written, and is read back the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.protocol import VERBS, Command, describe, parse, render
from hub.protocol.grammar import quote, scan, words
from hub.text import clean

# All of Unicode but NUL and halves of characters, which no database stores.
CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
AWKWARD = st.sampled_from(
    [*"\"\\#=@ \t\n\r,!>`'{}u", "\x7f", "\u0338", "\u0301", "\u202e", "\u2028"]
)
ANY_TEXT = st.text(AWKWARD, max_size=8) | st.text(CHARACTER, max_size=12)
NAME = st.text(st.sampled_from("abcXYZ019"), min_size=1, max_size=8)

VALUES = {
    "text": ANY_TEXT.map(lambda text: text + "x"),
    "name": NAME,
    "member": NAME,
    "integer": st.integers(0, 100).map(str),
    "decimal": st.sampled_from(["0", "12", "0.000001", "3.5"]),
    "list": st.lists(ANY_TEXT.map(lambda text: text.replace(",", "") + "x"), min_size=1).map(
        lambda items: ",".join(items[:3])
    ),
}


def values(keys):
    """Give for each key what draws a value of it."""
    return {
        name: st.sampled_from(key.choices) if key.choices else VALUES[key.kind]
        for name, key in keys.items()
    }


def commands_of(verb):
    needed = verb.required or {"cost-usd": verb.optional["cost-usd"]}
    others = dict.fromkeys(["x-a", "x-b"], ANY_TEXT)
    optional = {name: key for name, key in verb.optional.items() if name not in needed}
    return st.builds(
        Command,
        verb=st.just(verb.name),
        fields=st.fixed_dictionaries(values(needed), optional={**values(optional), **others}),
        tags=st.lists(ANY_TEXT, max_size=2).map(tuple),
    )


COMMANDS = st.one_of([commands_of(verb) for verb in VERBS.values() if not verb.has_payload])


@settings(max_examples=10_000, deadline=None)
@given(COMMANDS)
def test_a_command_is_read_back_as_it_was_written(command):
    line = render(command)

    parsed = parse(line)
    assert parsed.commands == (command,)
    assert parsed.hints == ()
    assert line.isprintable()
    assert clean(line) == line, "storing the line would change it"
    assert "\n" not in describe(command) or "\n" in "".join(command.fields.values())


@settings(max_examples=10_000, deadline=None)
@given(ANY_TEXT)
def test_every_string_is_read_back_from_its_quotes(text):
    (field, tag) = scan(f"k={quote(text)} #{quote(text)}").pieces

    assert (field.value, tag.value) == (text, text)
    assert words(quote(text)) == (text,)


@settings(max_examples=1_000, deadline=None)
@given(NAME, st.lists(ANY_TEXT, max_size=4))
def test_a_bang_command_is_read_back_as_it_was_written(name, args):
    command = Command(verb="!" + "".join(filter(str.isalpha, name)).lower() + "x", args=tuple(args))

    assert parse(render(command)).commands == (command,)


@settings(max_examples=1_000, deadline=None)
@given(
    st.text(CHARACTER.filter(str.isprintable), min_size=1, max_size=50).map(str.strip).filter(bool)
)
def test_a_payload_is_read_back_as_it_was_written(payload):
    command = Command(verb="SHARING-CONTEXT", payload=payload)

    assert parse(render(command)).commands == (command,)


@settings(max_examples=2_000, deadline=None)
@given(st.text(st.characters() | AWKWARD))
def test_no_text_breaks_the_reader(text):
    for start in ("", "TASK: x\n", "STARTED task=x ", "COST-REPORT load=", '!ans "'):
        parsed = parse(start + text)

        assert len(parsed.commands) + len(parsed.hints) <= (start + text).count("\n") + 1
