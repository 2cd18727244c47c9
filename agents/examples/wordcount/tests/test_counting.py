import unittest

from wordcount import Counts, count, top_words


class CountTest(unittest.TestCase):
    def test_an_empty_text_has_nothing(self):
        self.assertEqual(count(""), Counts(lines=0, words=0, characters=0))

    def test_lines_words_and_characters(self):
        self.assertEqual(count("to be\nor not\n"), Counts(lines=2, words=4, characters=13))

    def test_a_last_line_without_an_end_counts(self):
        self.assertEqual(count("one\ntwo").lines, 2)


class TopWordsTest(unittest.TestCase):
    def test_equal_words_are_in_alphabetical_order(self):
        self.assertEqual(top_words("b a c B a", 2), [("a", 2), ("b", 2)])

    def test_zero_asks_for_none(self):
        self.assertEqual(top_words("a b", 0), [])
