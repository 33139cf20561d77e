"""``python -m reports study``: renews ``docs/study.md`` from the records under ``studies/``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

EXAMPLES = """examples:
  python -m reports study
  python -m reports study --page docs/study.md --studies studies
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Renew the page; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m reports study',
        description='Put tables and figures made from the records of the study into its page.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--page', type=Path, default=Path('docs/study.md'))
    parser.add_argument('--studies', type=Path, default=Path('studies'))
    arguments = parser.parse_args(argv)

    # Not at the top: pandas and matplotlib take seconds, and --help must not.
    from harness.errors import UserError
    from reports.study.page import write_page

    try:
        for path in write_page(arguments.page, arguments.studies):
            print(path)
    except (UserError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0
