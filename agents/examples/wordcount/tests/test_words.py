import unittest

from wordcount.counting import words_of


class WordsTest(unittest.TestCase):
    def test_capitals_do_not_matter(self):
        self.assertEqual(words_of("The the THE"), ["the", "the", "the"])

    def test_an_apostrophe_inside_a_word_does_not_cut_it(self):
        self.assertEqual(words_of("Don't say 'no'."), ["don't", "say", "no"])
