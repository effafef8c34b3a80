"""The progress bar."""


def progress_bar(show, total, what, unit=" images", delay=0):
    """A tqdm bar, in the terminal or in a notebook, from `delay` seconds on; silent where show is False."""
    from tqdm.auto import tqdm

    # with its numbers within 80 columns
    form = "{desc} {percentage:.0f}%|{bar}|{remaining} {rate_fmt}{postfix}"
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        delay=delay,
        unit_scale=True,
        bar_format=form,
        disable=not show,
        leave=False,
    )
