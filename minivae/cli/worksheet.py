"""`python -m minivae worksheet`: a whole pass on paper."""

from ..course.worksheet import Worksheet
from ..gaussian import HEADS


def add_arguments(parser):
    """The flags of `python -m minivae worksheet`."""
    parser.add_argument("--blank", action="store_true", help="leave the values out, for the pencil")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another exercise for every whole number (default 0)"
    )
    parser.add_argument(
        "--head",
        choices=tuple(HEADS),
        default="softplus",
        help="of the encoder, which makes sigma (default softplus)",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="Markdown instead of plain text, for a notebook or to print"
    )
    example = "python -m minivae worksheet --seed 7"
    parser.epilog = f"example, an exercise and then its solution:\n  {example} --blank\n  {example}"


def command(args):
    """Print the worksheet; returns the exit status."""
    sheet = Worksheet(args.seed, args.head)
    print(sheet.markdown(args.blank) if args.markdown else sheet.text(args.blank))
    return 0
