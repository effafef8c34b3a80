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
    parser.add_argument("--no-update", action="store_true", help="leave the step of RMSProp out")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--pdf", metavar="FILE", help="pages to print, with room for the pencil, instead of plain text"
    )
    form.add_argument(
        "--markdown", action="store_true", help="Markdown instead of plain text, for a notebook"
    )
    parser.add_argument("--paper", choices=("A4", "letter"), default="A4", help="of the PDF (default A4)")
    example = "python -m minivae worksheet --seed 7"
    parser.epilog = (
        f"example, an exercise to print and then its solution:\n"
        f"  {example} --blank --pdf sheet.pdf\n  {example}"
    )


def command(args):
    """Print the worksheet, or write it to a PDF; returns the exit status."""
    sheet, update = Worksheet(args.seed, args.head), not args.no_update
    if args.pdf:
        from ..course.paper import write_pdf  # matplotlib is for those who print

        write_pdf(sheet, args.pdf, args.blank, update, args.paper)
        print(f"written    {args.pdf}")
    else:
        print((sheet.markdown if args.markdown else sheet.text)(args.blank, update))
    return 0
