"""The command line: python3 -m wordcount [--top N] [FILE …]."""

import argparse
import sys
from pathlib import Path

from wordcount.counting import count, top_words


def main(arguments: list[str] | None = None) -> int:
    """Print the counts of each file, or of standard input when no file is named."""
    parser = argparse.ArgumentParser(prog="wordcount", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="text files; none: standard input")
    parser.add_argument("--top", type=int, default=0, metavar="N", help="also list the top N words")
    options = parser.parse_args(arguments)
    for name, text in read(options.files):
        counts = count(text)
        print(f"{name}: {counts.lines} lines, {counts.words} words, {counts.characters} characters")
        for word, number in top_words(text, options.top):
            print(f"  {number:5d} {word}")
    return 0


def read(files: list[str]) -> list[tuple[str, str]]:
    """Read every file whole; answer names and texts."""
    if not files:
        return [("-", sys.stdin.read())]
    return [(name, Path(name).read_text(encoding="utf-8")) for name in files]


if __name__ == "__main__":
    sys.exit(main())
