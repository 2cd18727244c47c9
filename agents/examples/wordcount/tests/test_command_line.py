import io
import unittest
from contextlib import redirect_stdout
from tempfile import TemporaryDirectory
from pathlib import Path

from wordcount.__main__ import main


class CommandLineTest(unittest.TestCase):
    def test_each_file_has_a_line(self):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "text"
            path.write_text("one two\n", encoding="utf-8")
            output = io.StringIO()

            with redirect_stdout(output):
                code = main([str(path)])

        self.assertEqual(code, 0)
        self.assertEqual(output.getvalue(), f"{path}: 1 lines, 2 words, 8 characters\n")
