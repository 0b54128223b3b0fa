"""What the site offers besides its pages: a page of a network, and the example package to take."""

from pathlib import Path
from shutil import copyfile
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from dcsc import networks
from dcsc.networks.analysis import analyze, shipped_inputs
from dcsc.networks.shipped import digits_network_path
from dcsc.report import page
from dcsc.report.table import columns

MARK = "<!-- columns of the page -->"
FOLDER = "made"
PAGE = "digits.html"
_PACKAGE = Path(__file__).parents[2] / "examples" / "extend"
_SUFFIXES = {".md", ".py", ".toml", ".typed"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


def setup(sphinx):
    """Register the making, before pages are read, and the table of columns."""
    sphinx.connect("builder-inited", _make)
    sphinx.connect("source-read", _insert)
    sphinx.connect("build-finished", _lay_beside)
    return {"parallel_read_safe": True}


def _make(sphinx):
    folder = Path(sphinx.srcdir, FOLDER)
    folder.mkdir(exist_ok=True)
    network = networks.load(digits_network_path("incoherent"))
    analysis = analyze(network, shipped_inputs(), perturbation=1 / 255, valid_range=(0, 1))
    (folder / PAGE).write_text(page(analysis), "utf-8")
    sphinx.columns_of_the_page = columns(analysis)
    _archive(folder / "extend.zip")


def _lay_beside(sphinx, exception):
    """Put the page of the network, which is none of the site's, beside those that are."""
    if exception is None and sphinx.builder.format == "html":
        copyfile(Path(sphinx.srcdir, FOLDER, PAGE), Path(sphinx.outdir, PAGE))


def _archive(path):
    """Write the example package as an archive that unpacks to one folder."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(_PACKAGE.rglob("*")):
            if file.suffix in _SUFFIXES:
                name = f"{_PACKAGE.name}/{file.relative_to(_PACKAGE).as_posix()}"
                archive.writestr(ZipInfo(name, _EPOCH), file.read_bytes(), ZIP_DEFLATED)


def _insert(sphinx, docname, source):
    if MARK in source[0]:
        rows = [f"| {_named(name)} | {text} |" for name, text in sphinx.columns_of_the_page.items()]
        source[0] = source[0].replace(
            MARK, "\n".join(["| column | what it says |", "|---|---|", *rows])
        )


def _named(column):
    """Return the name of a column, with a link to its theorem if it is the tag of one."""
    return f"[{column}](#tag-{column[1:-1].lower()})" if column.startswith("(") else column
