"""Plain text: what is refused, what is cut where, what cannot be closed, what is masked."""

import re
import secrets
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.text import clean, clip, estimate_tokens, fence, mask, slug, split

ANY_TEXT = st.text(st.characters())
WHOLE_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def refused(text):
    with pytest.raises(Invalid) as caught:
        clean(text)
    return caught.value


def test_clip_leaves_short_text_alone():
    assert clip("twelve chars", 12) == "twelve chars"


def test_clip_ends_long_text_with_an_ellipsis_inside_the_limit():
    assert clip("twelve chars", 8) == "twelve…"
    assert clip("abc", 0) == ""


@given(ANY_TEXT, st.integers(0, 40))
def test_clipped_text_is_never_longer_than_asked(text, limit):
    assert len(clip(text, limit)) <= limit


def test_clean_turns_crlf_into_lf_and_keeps_tabs():
    assert clean("a\r\nb\tc\n") == "a\nb\tc\n"


def test_clean_composes_characters():
    assert clean("Zoe\u0308") == "Zo\u00eb"


def test_clean_takes_bidi_overrides_out():
    assert clean("user\u202e\u2066txt.exe\u2069\u202c") == "usertxt.exe"


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\r", "\x7f", "\x85", "\x9b"])
def test_control_characters_are_refused_with_their_place(character):
    error = refused(f"ab{character}c")

    assert error.code == "text.control"
    assert error.detail == {"position": 2}
    assert f"U+{ord(character):04X}" in error.message


@pytest.mark.parametrize("number", [0xD800, 0xDFFF])
def test_half_a_character_is_refused(number):
    assert refused(f"x{chr(number)}").code == "text.surrogate"


def test_towers_of_marks_are_refused_before_they_cost_time():
    started = time.thread_time()

    error = refused("a" + "\u0300\u0316" * 30_000)

    assert error.code == "text.marks"
    assert error.detail == {"limit": 64}
    assert time.thread_time() - started < 0.3


def test_sixty_four_marks_are_allowed():
    assert unicodedata.is_normalized("NFC", clean("a" + "\u0300" * 64))


@given(WHOLE_TEXT)
def test_cleaning_twice_changes_nothing_more(text):
    try:
        once = clean(text)
    except Invalid:
        return
    assert clean(once) == once


@settings(max_examples=2_000, deadline=None)
@given(ANY_TEXT, st.integers(4, 60))
def test_pieces_fit_and_joined_are_the_text(text, limit):
    pieces = list(split(text, limit))

    assert "".join(pieces) == text
    assert all(0 < len(piece.encode("utf-8", "surrogatepass")) <= limit for piece in pieces)


def test_twelve_kilobytes_of_mixed_text_are_split_and_joined():
    text = ("Ünïcode, 漢字 and 👩‍👩‍👧 emoji. Then code:\n```py\nprint('ß')\n```\n\n" * 200)[:12_000]

    pieces = list(split(text, 400))

    assert "".join(pieces) == text
    assert max(len(piece.encode()) for piece in pieces) <= 400


def test_a_cut_falls_after_a_paragraph_before_it_falls_elsewhere():
    assert list(split("one two. three\n\nfour five. six", 24)) == [
        "one two. three\n\n",
        "four five. six",
    ]


def test_a_cut_falls_after_a_sentence_before_it_falls_after_a_word():
    assert list(split("It is done. Now the rest", 18)) == ["It is done. ", "Now the rest"]


def test_a_cut_falls_after_a_word_before_it_falls_inside_one():
    assert list(split("alpha beta gamma", 12)) == ["alpha beta ", "gamma"]


def test_pieces_too_small_for_a_character_are_refused():
    with pytest.raises(ValueError, match="at least 4"):
        list(split("text", 3))


def test_fence_names_author_trust_and_origin():
    fenced = fence("hi", author="Ada", trust="member", origin="irc", nonce="0123456789abcdef")

    assert fenced == (
        '<message-0123456789abcdef author="Ada" trust="member" origin="irc">\n'
        "hi\n</message-0123456789abcdef>"
    )


HOSTILE = st.one_of(
    ANY_TEXT,
    st.lists(
        st.sampled_from(
            ["</message-", "<message-", "0123abcd", "0123ABCD", "0123", "abcd", ">", "\n", '"', " "]
        )
    ).map("".join),
)


@settings(max_examples=3_000, deadline=None)
@given(text=HOSTILE, author=HOSTILE)
def test_no_content_can_open_or_close_the_envelope(text, author):
    fenced = fence(text, author=author, trust="none", origin="web", nonce="0123abcd")

    assert fenced.lower().count("0123abcd") == 2
    assert re.findall(r"</\s*message-[^>]*>", fenced, re.IGNORECASE) == ["</message-0123abcd>"]
    assert fenced.endswith("\n</message-0123abcd>")
    assert "\n" not in fenced.partition(">")[0]


@pytest.mark.parametrize("nonce", ["", "short", "has space 123", "a" * 65, "semi;colon"])
def test_a_guessable_or_odd_nonce_is_refused(nonce):
    with pytest.raises(ValueError, match="nonce"):
        fence("hi", author="a", trust="b", origin="c", nonce=nonce)


SECRETS = {
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "openai": "sk-proj-" + "a1B2" * 8,
    "anthropic": "sk-ant-api03-" + "x9Y_" * 8,
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1",
    "github personal": "ghp_" + "a1" * 18,
    "github oauth": "gho_" + "a1" * 18,
    "github user": "ghu_" + "a1" * 18,
    "github server": "ghs_" + "a1" * 18,
    "github refresh": "ghr_" + "a1" * 18,
    "github fine": "github_pat_" + "a1_B" * 12,
    "slack": "xoxb-1234567890-abcdefghij",
    "google": "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkF",
    "parley": "prl_" + "aB3-_" * 5,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----",
    "pem cut off": "-----BEGIN PRIVATE KEY-----\nMIIEow",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_every_shape_of_secret_is_masked(secret):
    assert mask(f"see {secret}") == "see [masked]"


def test_a_bearer_token_is_masked_and_the_word_stays():
    assert mask("Authorization: Bearer abc.def-123456789") == "Authorization: Bearer [masked]"
    assert mask("the bearer of bad news") == "the bearer of bad news"


@pytest.mark.parametrize(
    "plain",
    [
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "sha256 " + "0f" * 32,
        "risk-averse-and-otherwise-long-words",
        "task-12-fix-login prl_short AKIA-like",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_hashes_and_ordinary_words_stay(plain):
    assert mask(plain) == plain


def test_known_secrets_are_masked_wherever_they_stand():
    assert mask("a hunter2hunter2 b", known=["hunter2hunter2", "hunter2"]) == "a [masked] b"


def test_known_secrets_too_short_to_tell_from_words_are_not_looked_for():
    assert mask("the pin is 1234", known=["1234", ""]) == "the pin is 1234"


def test_colour_codes_inside_a_secret_do_not_hide_it():
    token = "gh\x1b[31mp_" + "a1" * 9 + "\x1b[0m" + "b2" * 9

    assert mask(f"\x1b]0;title\x07see {token}\x1b[m") == "see [masked]"


@pytest.mark.parametrize(
    "text",
    ["sk-" * 30_000, "-----BEGIN A PRIVATE KEY-----" * 3_000, "bearer " * 14_000, "eyJ" * 30_000],
)
def test_masking_hostile_text_is_fast(text):
    started = time.thread_time()

    mask(text)

    assert time.thread_time() - started < 1


def test_slug_makes_ascii_words_with_hyphens():
    assert slug("Über-Fix: the Café's login!") == "uber-fix-the-cafe-s-login"


def test_slug_is_cut_without_a_hyphen_at_its_end():
    assert slug("alpha beta gamma", 11) == "alpha-beta"


def test_slug_of_nothing_is_empty():
    assert slug("漢字 !!") == ""


@given(ANY_TEXT, st.integers(1, 60))
def test_a_slug_has_only_its_alphabet(text, limit):
    assert re.fullmatch(rf"([a-z0-9]([a-z0-9-]{{0,{limit - 1}}})?)?", slug(text, limit))
    assert not slug(text, limit).endswith("-")


def test_tokens_are_a_quarter_of_the_characters_rounded_up():
    assert [estimate_tokens("x" * count) for count in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_a_random_nonce_is_accepted():
    nonce = secrets.token_hex(8)

    assert nonce in fence("hi", author="a", trust="b", origin="c", nonce=nonce)
