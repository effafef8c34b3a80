"""What a pass leaves behind: its named arrays, in the order in which they came about."""

import numpy as np


class Trace:
    """The named arrays of one pass, in the order in which they came about: t.z or t["z"], list(t),
    "z" in t."""

    def __setitem__(self, name, value):
        setattr(self, name, value)

    def __getitem__(self, name):
        return self.__dict__[name]

    def __contains__(self, name):
        return name in self.__dict__

    def __iter__(self):
        return iter(self.__dict__)

    def __repr__(self):
        rows = (
            f"  {name:20} {np.shape(value)} {np.asarray(value).dtype}"
            for name, value in self.__dict__.items()
        )
        return "\n".join(["Trace", *rows])
