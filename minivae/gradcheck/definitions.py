"""What can be read in a learner's own lines: what gives a name such as c or s its value, to be told beside
it; and differences such as x - mu, which have no name there."""

import ast
import inspect
import re
import textwrap
import tokenize
from collections import defaultdict

LONGEST = 60  # letters of a definition that is told
MOST = 8  # differences that are looked at
ENGLISH = set(  # what sentences are made of, and may be a name, too
    "all axis clipped column columns cos diag diagonal entries entry exp factor first gradient half "
    "halves image images inverse large largest last left lacks log many mask max mean means missing "
    "norm number numbers one order other over part relu right row rows sample samples sigmoid sign sin "
    "small softmax softplus sqrt std sum summed tanh term terms there times too transposed true twice "
    "upstream where whole wrong yours zero".split()
)
ARTICLE = re.compile(r"\ba (?!where|too|is|and|or|over)(?=[a-z]{3})")  # a factor; and not: a where b is meant


def definitions(functions):
    """{name: text} of the names that these functions assign in one place, once: c -> "1 / np.sqrt(n)"."""
    found = {}
    for tree, source in _parsed(functions):
        for name, text in _assigned(tree, source).items():
            found[name] = text if found.get(name, text) == text else None
    return {name: text for name, text in found.items() if text and len(text) <= LONGEST}


def differences(functions, named):
    """{text: array} of the differences of two named arrays that stand in these functions: "(x - mu)"."""
    found = {}
    for tree, _ in _parsed(functions):
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
                pair = [part.id for part in (node.left, node.right) if isinstance(part, ast.Name)]
                if len(pair) == 2 and set(pair) <= set(named) and len(found) < MOST:
                    found |= _difference(*pair, named)
    return found


def _difference(left, right, named):
    """{text: array}, empty where the two don't fit together."""
    try:
        value = named[left] - named[right]
    except ValueError:
        return {}
    return {f"({left} - {right})": value} if value.size > 1 else {}


def _parsed(functions):
    """(tree, source) of those whose source is known."""
    for function in functions:
        try:
            source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
            yield ast.parse(source), source
        except (OSError, TypeError, SyntaxError, tokenize.TokenError):  # no source, or a piece of a line
            continue


def _assigned(tree, source):
    """{name: text, or None where it is assigned more than once, or changed}."""
    found = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for name, value in _pairs(target, node.value):
                    found[name].append(value)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For, ast.NamedExpr, ast.comprehension)):
            for name, _ in _pairs(node.target, None):
                found[name].append(None)
        elif isinstance(node, ast.Expr):  # a call for its effect: np.add.at(dE, ids, dy)
            for name in ast.walk(node):
                if isinstance(name, ast.Name):
                    found[name.id].append(None)
    return {
        name: " ".join(ast.get_source_segment(source, values[0]).split())
        if len(values) == 1 and values[0] is not None
        else None
        for name, values in found.items()
    }


def _pairs(target, value):
    """[(name, the expression that is assigned to it, if it is one)]."""
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, (ast.Tuple, ast.List)):
        whole = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
        values = value.elts if whole else [None] * len(target.elts)
        return [pair for t, v in zip(target.elts, values) for pair in _pairs(t, v)]
    root = target
    while isinstance(root, (ast.Subscript, ast.Attribute, ast.Starred)):
        root = root.value
    return [(root.id, None)] if isinstance(root, ast.Name) else []


def names_in(text):
    """{name: None}, in their order."""
    return dict.fromkeys(re.findall(r"\b[A-Za-z_]\w*\b", text))


def with_definitions(words, found):
    """A sentence, followed by what the names in it stand for."""
    used = [name for name in names_in(ARTICLE.sub("", words)) if name in found and name not in ENGLISH]
    told = ", ".join(f"{name} = {found[name]}" for name in used)
    return f"{words.rstrip('.')}; {told}." if told else words
