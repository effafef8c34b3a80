"""Wrong and equivalent answers, made from right ones: one operator, sign, axis, constant, name or function
exchanged at a time.

    for words, code in variants(solution): ...

Whether a variant is wrong is not known here: most are, some are the same function in other words.
"""

import ast

OPERATORS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.Gt: (ast.Lt,),
    ast.Lt: (ast.Gt,),
    ast.GtE: (ast.LtE,),
    ast.LtE: (ast.GtE,),
    ast.Eq: (ast.NotEq,),
}
FUNCTIONS = {
    "log": ("log1p", "log2"),
    "exp": ("expm1",),
    "maximum": ("minimum",),
    "sqrt": ("square",),
    "sum": ("mean", "max"),
    "mean": ("sum",),
    "max": ("mean", "min"),
    "abs": (),
    "std": ("var",),
    "imag": ("real",),
    "sigmoid": ("softplus",),
    "softplus": ("sigmoid",),
}
ROUND = (
    ("abs", "np.abs({})"),
    ("sign", "-({})"),
    ("clip 3", "np.clip({}, -3, 3)"),
    ("clip 25", "np.clip({}, -25, 25)"),
    ("clip 0", "np.maximum({}, 0)"),
)


def variants(code):
    """(words, code) of every variant of a right answer with one thing exchanged."""
    tree = ast.parse(code)
    seen = {ast.unparse(tree)}
    for k, node in enumerate(ast.walk(tree)):
        for words, exchange in exchanges(node, names_in(tree)):
            other = ast.parse(code)
            at = next(n for j, n in enumerate(ast.walk(other)) if j == k)
            text = ast.unparse(ast.fix_missing_locations(replaced(other, at, exchange(at))))
            if text not in seen:
                seen.add(text)
                yield f"{words}: {ast.unparse(node)}", text


def exchanges(node, names):
    """(words, function of the node in a copy -> the node that takes its place)."""
    if isinstance(node, ast.BinOp):
        for other in OPERATORS.get(type(node.op), ()):
            yield other.__name__, lambda n, other=other: ast.BinOp(n.left, other(), n.right)
        if not isinstance(node.op, ast.MatMult):
            yield "left alone", lambda n: n.left
        if isinstance(node.op, (ast.Add, ast.Mult)):
            yield "right alone", lambda n: n.right
    if isinstance(node, ast.Compare):
        for other in OPERATORS.get(type(node.ops[0]), ()):
            yield other.__name__, lambda n, other=other: ast.Compare(n.left, [other()], n.comparators)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "no minus", lambda n: n.operand
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for other in {
            node.value + 1,
            node.value * 2,
            node.value / 2 if isinstance(node.value, float) else node.value - 1,
            -node.value,
        }:
            yield f"{other}", lambda n, other=other: ast.parse(repr(other), mode="eval").body
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        for other in FUNCTIONS.get(name, ()):
            yield other, lambda n, other=other: ast.Call(renamed(n.func, other), n.args, n.keywords)
        if name in FUNCTIONS and len(node.args) == 1:
            yield "no " + name, lambda n: n.args[0]
        for keyword in node.keywords:
            yield (
                f"no {keyword.arg}",
                lambda n, arg=keyword.arg: ast.Call(n.func, n.args, [k for k in n.keywords if k.arg != arg]),
            )
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "no T", lambda n: n.value
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        yield "swapped", lambda n: ast.Tuple([n.elts[1], n.elts[0], *n.elts[2:]], ast.Load())
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for other in sorted(names - {node.id}):
            yield other, lambda n, other=other: ast.Name(other, ast.Load())
    if isinstance(node, (ast.BinOp, ast.Call)) or (
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names
    ):
        for words, form in ROUND:
            yield words, lambda n, form=form: ast.parse(form.format(f"({ast.unparse(n)})"), mode="eval").body


def names_in(tree):
    """The names of arguments and of what is assigned."""
    arguments = {
        a.arg for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for a in node.args.args
    }
    return arguments | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def renamed(func, name):
    return (
        ast.Attribute(func.value, name, ast.Load())
        if isinstance(func, ast.Attribute)
        else ast.Name(name, ast.Load())
    )


def replaced(tree, old, new):
    class Replace(ast.NodeTransformer):
        def visit(self, node):
            return new if node is old else super().visit(node)

    return Replace().visit(tree)


def equivalents(code):
    """(words, code) of the same answer in other words: one sum, product or power rewritten."""
    tree = ast.parse(code)
    for k, node in enumerate(ast.walk(tree)):
        for words, form in rewritings(node):
            other = ast.parse(code)
            at = next(n for j, n in enumerate(ast.walk(other)) if j == k)
            new = ast.parse(form, mode="eval").body
            yield f"{words}: {ast.unparse(node)}", ast.unparse(replaced(other, at, new))


def rewritings(node):
    """(words, an expression that gives the same)."""
    if not isinstance(node, ast.expr) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    if isinstance(node, ast.BinOp):
        a, b = f"({ast.unparse(node.left)})", f"({ast.unparse(node.right)})"
        if isinstance(node.op, (ast.Add, ast.Mult)):
            yield "exchanged", f"({b} {'+' if isinstance(node.op, ast.Add) else '*'} {a})"
        elif isinstance(node.op, ast.Sub):
            yield "turned", f"(-({b} - {a}))"
        elif isinstance(node.op, ast.Div):
            yield "inverse", f"({a} * {b} ** -1.0)"
        elif isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2":
            yield "a product", f"({a} * {a})"
        elif isinstance(node.op, ast.MatMult):
            yield "dot", f"np.dot({a}, {b})"
            yield "einsum", f"np.einsum('ij,jk->ik', {a}, {b})"
            yield "rows", f"np.array([row @ {b} for row in {a}])"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inside, name = ast.unparse(node.func.value), node.func.attr
        if name in ("sum", "mean") and inside != "np":
            axis = ", ".join(map(ast.unparse, node.keywords))
            yield "of numpy", f"np.{name}(np.asarray({inside}), {axis})"
        if name == "sum" and [ast.unparse(k) for k in node.keywords] == ["axis=0"]:
            yield "a loop", f"sum(row for row in {inside})"
            yield "ones", f"np.tensordot(np.ones(len({inside})), {inside}, 1)"
        if name == "exp":
            yield "a power", f"(np.e ** ({ast.unparse(node.args[0])}))"
