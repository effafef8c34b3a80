"""What has to run again when one cell of a lesson is changed (tests/mutate_lessons.py).

Not the later cells that the change doesn't reach, and no training that was done before: `reached` reads from
the code which cells use, directly or by way of others, a name that the changed cell has set; `trained_once`
remembers what VAE.fit did for a model, data and settings.
"""

import ast
import contextlib
import hashlib
import io
import marshal
import pickle
from unittest import mock

from minivae import VAE

IN_PLACE = set("append extend add update fit step backward".split())  # methods that change their object


class Names(ast.NodeVisitor):
    """The names of a cell, or of a function: what it `uses` that was there before, what it `sets` or changes,
    and what of these it sets `anew`, before any use. A generator, called rng, is changed wherever it is used.

    What a function uses counts where it is defined, and by `inside` {its name: names} where it is called.
    """

    def __init__(self, node, own=()):
        self.own = set(own)  # arguments and other names of a function or a comprehension
        self.uses, self.sets, self.anew, self.inside = set(), set(), set(), {}
        self.asserts = any(isinstance(each, ast.Assert) for each in ast.walk(node))
        self.generic_visit(node)

    def use(self, names):
        self.uses |= names - self.own - self.anew
        self.sets |= names & {"rng"} - self.own

    def change(self, names):
        self.sets |= names - self.own

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.use({node.id})
        else:
            self.anew |= {node.id} - self.own - self.uses
            self.change({node.id})

    def visit_alias(self, node):
        self.visit(ast.Name((node.asname or node.name).split(".")[0], ast.Store()))

    def visit_Attribute(self, node):
        self.visit(node.value)
        if not isinstance(node.ctx, ast.Load):
            self.change(_base(node))

    def visit_Subscript(self, node):
        self.visit(node.slice)
        self.visit_Attribute(node)

    def visit_Call(self, node):
        self.generic_visit(node)
        if getattr(node.func, "attr", "") in IN_PLACE:
            self.change(_base(node.func))
        elif ast.unparse(node.func) == "np.add.at":
            self.change(_base(node.args[0]))

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
        if any(isinstance(each, ast.Lambda) for each in ast.walk(node.value)):
            self.inside |= dict.fromkeys(set().union(*map(_base, node.targets)), Names(node.value).uses)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        self.use(_base(node.target))
        self.change(_base(node.target))

    def visit_For(self, node):
        for each in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(each)

    def visit_FunctionDef(self, node):
        body = ast.Module(node.body, [])
        self.inside[node.name] = free = Names(body, _arguments(node) | Names(body).anew).uses
        self.use(free)
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self.visit(ast.Name(node.name, ast.Store()))

    def visit_Lambda(self, node):
        self.use(Names(ast.Expr(node.body), _arguments(node)).uses)

    def visit_ClassDef(self, node):
        self.inside[node.name] = free = Names(node).uses
        self.use(free)
        self.visit(ast.Name(node.name, ast.Store()))

    def visit_ListComp(self, node):
        names = {
            each.id for g in node.generators for each in ast.walk(g.target) if isinstance(each, ast.Name)
        }
        self.use(Names(node, names).uses)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp


def _arguments(function):
    return {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}


def _base(node):
    """{x} for x, x.y, x[i] and x.y[i].z, and nothing where there is no such name."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def reached(trees, n):
    """The places of the cells after cell n to run when n has changed: those that use what it sets and assert
    something, and those whose results these need."""
    cells, inside = [Names(tree) for tree in trees], {}
    uses = []
    for cell in cells:
        inside |= cell.inside
        uses.append(_closed(cell.uses, inside))
    differs, asserting = set(cells[n].sets), set()
    for k in range(n + 1, len(cells)):
        if uses[k] & differs:
            differs |= cells[k].sets
            asserting |= {k} if cells[k].asserts else set()
        else:
            differs -= cells[k].anew
    needed, wanted = [], set()
    for k in reversed(range(n + 1, len(cells))):
        if k in asserting or cells[k].sets & wanted:
            needed.append(k)
            wanted = (wanted - cells[k].anew) | uses[k]
    return needed[::-1]


def _closed(names, inside):
    """The names, and those that the functions among them use."""
    names, new = set(names), set(names)
    while new:
        new = {other for name in new for other in inside.get(name, ())} - names
        names |= new
    return names


@contextlib.contextmanager
def trained_once():
    """VAE.fit keeps in memory what it did; asked for the same again, it only puts that in place.

    The same is: the code of the model's class, its state, the images, all settings, the optimiser, the
    generators. Settings that can't be compared, such as a function, are trained with each time.
    """
    fit, memory = VAE.fit, {}

    def remembered(vae, *args, **settings):
        try:
            asked = _digest((_code(type(vae)), vae.__getstate__(), args, settings))
        except (pickle.PicklingError, AttributeError, TypeError):
            return fit(vae, *args, **settings)
        moving = [settings.get("optimizer"), settings.get("rng")]
        if asked not in memory:
            fit(vae, *args, **settings)
            memory[asked] = pickle.dumps((vae.__getstate__(), moving))
        else:
            _put(pickle.loads(memory[asked]), vae, moving)
        return vae.history

    with mock.patch.object(VAE, "fit", remembered):
        yield


def _digest(everything):
    pickler = pickle.Pickler(written := io.BytesIO())
    pickler.fast = True  # the same bytes, whether or not two equal strings are one object
    pickler.dump(everything)
    return hashlib.sha256(written.getbuffer()).digest()


def _code(kind):
    """The compiled methods of a class and of those that it comes from, for comparison."""
    return [
        (c.__qualname__, name, marshal.dumps(method.__code__, 2))
        for c in kind.__mro__
        for name, method in vars(c).items()
        if hasattr(method, "__code__")
    ]


def _put(saved, vae, moving):
    state, moved = saved
    vae.theta[:], vae.grad[:] = state.pop("_theta"), state.pop("_grad")
    vae.rng.bit_generator.state = state.pop("rng").bit_generator.state
    vars(vae).update(state)
    for each, then in zip(moving, moved):
        if hasattr(each, "bit_generator"):
            each.bit_generator.state = then.bit_generator.state
        elif hasattr(each, "__dict__"):
            vars(each).update(vars(then))
