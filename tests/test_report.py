"""The page of an analysis: as text, and in a browser."""

import json
import re

import attrs
import numpy as np
import pytest

from dcsc.networks import (
    ConvNetwork,
    Graph,
    Input,
    Node,
    load,
    operations,
    pathway_stability,
)
from dcsc.networks.analysis import Inputs, Limits, analyze, shipped_inputs
from dcsc.networks.shipped import digits_inputs, digits_network_path
from dcsc.report import page, row, sentences, words
from dcsc.report.table import columns
from tests.chromium import BROWSER, Chromium
from tests.commands import refused

FEW = Limits(inputs=12, proved=4, resynthesized=3, draws=2, units=30, twins=2)

SECTIONS = ["glance", "layers", "pathways", "classes", "detail", "how"]

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")


@pytest.fixture(scope="module")
def digits():
    return analyze(load(digits_network_path("incoherent")), shipped_inputs(), limits=FEW)


@pytest.fixture(scope="module")
def digits_page(digits):
    return page(digits)


def one_dimensional(name="conv", limits=FEW, **more):
    """Return a network of one spatial axis with a positive bias, a stop and a layer behind it."""
    rng = np.random.default_rng(0)
    nodes = [
        Node(name, operations.Convolve(rng.normal(size=(3, 1, 5)), [-1, -1, 0.5]), ("x",), "a"),
        Node("leaky", operations.LeakyRelu(0.1), ("a",), "b"),
        Node("lstm", operations.Unread("LSTM", "nothing does this"), ("b",), "c"),
        Node("behind", operations.Convolve(rng.normal(size=(2, 3, 3))), ("c",), "d"),
    ]
    network = ConvNetwork(Graph([Input("x", (None, 1, None))], nodes, ["d"]), "one.npz")
    inputs = Inputs("noise", {"x": rng.normal(size=(3, 1, 60))})
    return analyze(network, inputs, limits=limits, **more)


# ---- as text ---------------------------------------------------------------------------------


def test_nothing_is_loaded_from_elsewhere(digits_page):
    text = digits_page
    addresses = re.findall(r'(?:src|href)="([^"]{1,40})', text)
    assert len(addresses) > 20
    assert all(a.startswith(("data:", "#")) for a in addresses)
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 2e6


def test_every_number_of_the_table_has_a_sentence(digits, digits_page):
    text = digits_page
    headings = re.findall(r'<button type="button" title="([^"]+)">([^<]+)</button>', text)
    assert len(headings) == 22
    meanings = re.findall(r"<dt>([^<]+)</dt>", text)
    assert meanings[:22] == [name for _, name in headings]
    # and so has every theorem that the texts name
    assert {theorem.name for layer in digits.layers for theorem in layer.theorems} <= {*meanings}
    assert "A theorem about whole codes, for these very codes, atom by atom." in text


def test_numbers_of_many_inputs_are_medians_and_say_so(digits):
    """The mean of either would be another number, in the table as in the sentences."""
    first = digits.layers[0]
    codes = attrs.evolve(
        first.codes, sparsity=(1, 1, 2, 9, 9), density=(0.1, 0.1, 0.2, 0.9, 0.9), stripe_size=27
    )
    layer = attrs.evolve(first, codes=codes)
    cells = row(layer)
    assert (cells["S"].text, cells["S"].value) == ("2 of 27", 2)
    assert (cells["on"].text, cells["on"].value) == ("20%", 0.2)
    headings = columns(digits)
    assert headings["S"].endswith(", a median).")
    assert headings["on"].endswith(", a median).")
    (said, *_) = sentences.of_layer(layer, 0.05)["Codes"]
    assert "switches on 20% of" in said
    assert "have up to 2 of them on (medians)" in said
    even = attrs.evolve(first, codes=attrs.evolve(codes, sparsity=(1, 2, 3, 9)))
    assert row(even)["S"].text == "2.5 of 27"
    assert "up to 2.5 of them" in sentences.of_layer(even, 0.05)["Codes"][0]


def test_pages_say_what_is_missing():
    assert "about the filters alone" in page(analyze(load(digits_network_path())))
    text = page(one_dimensional())
    assert "It stopped at LSTM" in text
    assert "Its codes have no zeros (LeakyRelu)" in text
    assert "The threshold of 1 filter of 3 (2) is negative" in text
    text = page(one_dimensional(limits=attrs.evolve(FEW, products=10.0)))
    assert "Left out as too much work" in text
    assert "More is allowed by Limits(products=…), or --products" in text


def tenths_below(share):
    """Return a share in per cent as it may be claimed: cut, not rounded."""
    return str(int(share * 1000) / 10)


def test_what_no_perturbation_can_switch_is_on_the_page():
    network, eps = load(digits_network_path()), 4 / 255
    found = analyze(network, shipped_inputs(), limits=FEW, perturbation=eps)
    images = digits_inputs().images[: FEW.proved]
    stability = pathway_stability(network, images, eps, valid_range=(0, 1), products=FEW.products)
    for layer, expected in zip(found.layers, stability.layers, strict=True):
        facts = layer.stability
        assert (facts.on, facts.off, facts.decided) == (expected.on, expected.off, expected.decided)
        assert (facts.steady, facts.method, facts.inputs) == (expected.steady, "affine", 4)
        assert row(layer)["decided"].text == f"{tenths_below(expected.decided)}%"
    text = page(found)
    assert "at most 4/255, and stay between 0 and 1; they were looked at for the first 4" in text
    assert f"at least {tenths_below(stability.layers[2].on)}% of the units stay on" in text
    assert "decided" in columns(found)
    glance = " ".join(words.at_a_glance(found))
    assert "Perturbations of at most 4/255 in each sample provably leave from" in glance
    assert "(4 of 12 inputs). They are the first 4: Limits(proved=…) allows more." in glance
    least = min(found.layers, key=lambda layer: layer.stability.decided)
    assert f" (in {least.name}) to " in glance
    assert "Limits(products" not in glance
    assert repr(found).splitlines()[1].endswith("  decided")
    table = found.to_pandas()
    for layer in found.layers:
        facts, numbers = layer.stability, table.loc[layer.name]
        assert (numbers.decided, numbers.stays_on) == (facts.decided, facts.on)
        assert (numbers.steady, numbers.noise_steady) == (facts.steady, layer.safety.steady)
        assert (numbers.method, numbers.perturbed_inputs) == ("affine", 4)
    assert "decided" not in columns(analyze(network, shipped_inputs(), limits=FEW))


def test_at_a_glance_names_the_worst_layers_and_why_inputs_are_few():
    found = analyze(load(digits_network_path()), shipped_inputs(), limits=FEW, perturbation=0.05)
    layers = [  # work that allowed three inputs, of at most four
        attrs.evolve(layer, stability=attrs.evolve(layer.stability, inputs=3))
        for layer in found.layers
    ]
    for order in (layers, layers[::-1]):
        glance = " ".join(words.at_a_glance(attrs.evolve(found, layers=tuple(order))))
        name = max(layers, key=lambda layer: layer.filters.own.value).name
        assert re.search(rf"Coherence is between [.\d]+ and [.\d]+ \(in {name}\)\.", glance)
        name = min(layers, key=lambda layer: layer.partial.found.low).name
        assert re.search(rf"signs: from \d+% \(in {name}\) to \d+% of the active units", glance)
        assert "Perturbations of at most 0.05 in each sample" in glance
        name = min(layers, key=lambda layer: layer.stability.decided).name
        assert re.search(rf"leave from [.\d]+% \(in {name}\) to [.\d]+% of the units", glance)
        assert (
            "(3 of 12 inputs). They are the first 3, for more would have taken too long: "
            "Limits(products=…), or --products on the command line, allows more." in glance
        )
    every = attrs.evolve(found, inputs=found.inputs.first(4), answers=None)
    assert "(4 inputs)." in " ".join(words.at_a_glance(every))
    assert "They are the first" not in " ".join(words.at_a_glance(every))


def test_the_page_names_the_layers_of_intervals_and_what_to_do():
    network, least = load(digits_network_path()), attrs.evolve(FEW, products=1e3)
    found = analyze(network, shipped_inputs(), limits=least, perturbation=4 / 255)
    first, *others = found.layers
    assert first.stability.method == "affine"
    assert "(intervals)" not in row(first)["decided"].text
    for layer in others:
        assert row(layer)["decided"].text.endswith("% (intervals)")
    glance = " ".join(words.at_a_glance(found))
    assert "Of conv2, conv3 that is by intervals" in glance
    assert "Limits(products=1e4), or --products on the command line" in glance
    assert repr(found).count("% (intervals)") == 2


def test_perturbed_inputs_stay_in_the_range_that_is_given():
    network, images = load(digits_network_path()), digits_inputs().images[:4]
    free, kept = (
        analyze(network, images, limits=FEW, perturbation=0.1, valid_range=ends)
        for ends in (None, (0, 1))
    )
    assert kept.inputs.span == (0, 1)
    for one, other in zip(free.layers, kept.layers, strict=True):
        assert one.stability.decided < other.stability.decided


def test_the_page_says_where_bounds_of_perturbed_inputs_stop():
    found = one_dimensional(perturbation=0.01)
    first, behind = found.layers
    assert 0 < first.stability.decided < 1
    assert behind.stability is None
    text = " ".join(words.at_a_glance(found))
    assert "Bounds of perturbed inputs stop at LSTM (lstm): nothing does this." in text


def test_names_from_files_are_no_html():
    name = "<script>alert(1)</script>"
    text = page(one_dimensional(name))
    assert name not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_names_from_files_are_neither_markup_nor_mathematics(tmp_path, called, monkeypatch):
    """The page is made, and the terminal gets what the file says, its control characters shown."""
    names = ("$\\frac{$", "[/]\x1b")
    weights = (np.eye(5)[:3, None], np.eye(3)[:2, :, None])
    arrays = {f"{name}.weight": weight for name, weight in zip(names, weights, strict=True)}
    np.savez(tmp_path / "net.npz", **arrays)
    table = ["input = [1, 40]"]
    for name in names:
        table += ["[[layers]]", f"name = {json.dumps(name)}", "activation = 'relu'"]
    (tmp_path / "net.toml").write_text("\n".join(table))
    np.save(tmp_path / "in.npy", np.sin(np.arange(80)).reshape(2, 1, 40))
    files = (tmp_path / "net.npz", "--input", tmp_path / "in.npy")
    monkeypatch.setenv("COLUMNS", "100")  # as many as the table needs
    done = called("analyze", *files, "--html", tmp_path / "page.html")
    assert (done.code, done.err) == (0, "")
    cells = [line.split("│")[1].strip() for line in done.out.splitlines() if line.startswith("│")]
    assert [cell for cell in cells if cell] == ["$\\frac{$", "[/]\\x1b"]
    assert "\x1b" not in done.out


HOSTILE = [
    "x" * 20_000,
    "a b " * 5_000,
    "<script>",
    "\u202egnp",
    "a\nb\x1b[2J",
    "$\\frac{$",
]


def test_names_of_any_kind_leave_the_page_whole(tmp_path):
    """Long ones lose their middle, and nothing in them acts; the numbers have them in full."""
    first, rest = np.eye(4).reshape(4, 1, 2, 2), np.eye(4)[:, :, None, None]
    arrays = {f"{name}.weight": first if name == HOSTILE[0] else rest for name in HOSTILE}
    path = tmp_path / "net.npz"
    np.savez(path, **arrays)
    inputs = Inputs("n" * 20_000, {"input": np.ones((4, 1, 6, 6))}, labels=np.array(HOSTILE[:4]))
    analysis = analyze(load(path), inputs, limits=FEW)
    text = page(analysis)
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^<>]+>", " ", text, flags=re.DOTALL)
    assert max(map(len, body.split())) <= 80
    assert all(len(line) < 2200 for line in body.splitlines())
    assert "&lt;script&gt;" in text
    assert not re.search("[\u202e\x1b]", text)
    assert "a\\nb\\x1b[2J" in text
    named = [layer["name"] for layer in analysis.numbers()["layers"]]
    assert named[:2] == HOSTILE[:2]
    text.encode()


def test_the_same_analysis_gives_the_same_page(digits, digits_page):
    assert page(digits) == digits_page


# ---- the command -----------------------------------------------------------------------------


def test_the_command_writes_a_page_and_the_same_numbers(tmp_path, called):
    done = called(
        "analyze", "--most", 10, "--perturbation", "1/255", "--html", tmp_path / "out/page.html"
    )
    assert (done.code, done.err) == (0, "")
    assert "digits-plain.safetensors" in done.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["page.html", "page.json"]
    numbers = json.loads((tmp_path / "out" / "page.json").read_text(), parse_constant=pytest.fail)
    assert numbers["inputs"]["count"] == 10
    assert [round(x["filters"]["own"]["value"], 2) for x in numbers["layers"]] == [0.79, 0.91, 0.98]
    # Of other inputs than those that the shares of the tests of stability are of.
    decided = [round(x["stability"]["decided"], 2) for x in numbers["layers"]]
    assert decided == [0.99, 0.98, 0.98]
    assert "decided" in done.out
    assert numbers["perturbation"] == 1 / 255
    assert "conv3" in (tmp_path / "out" / "page.html").read_text()


def test_the_command_takes_the_range_of_inputs(tmp_path, called):
    """A perturbation of pictures from 0 to 1 goes beyond them only where that is allowed."""
    decided = []
    for span in ((0, 1), (-9, 9)):
        path = tmp_path / f"{span[0]}.html"
        ways = ("--most", 2, "--perturbation", "0.05", "--valid-range", *span, "--html", path)
        assert called("analyze", *ways).code == 0
        layers = json.loads(path.with_suffix(".json").read_text())["layers"]
        decided.append([layer["stability"]["decided"] for layer in layers])
    assert all(inside > beyond for inside, beyond in zip(*decided, strict=True))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--html", "page.txt"], "--html"),
        (["--perturbation", "1/255", "--valid-range", "1", "0"], "valid_range"),
        (["--input", "none.npy"], "none.npy"),
        (["missing.onnx"], "missing.onnx"),
        (["--noise", "-1"], "noise"),
        (["--most", "0"], "inputs"),
        (["--perturbation", "1/0"], "--perturbation: expected a number or a fraction, got '1/0'"),
        (["--perturbation=-1/255"], "perturbation: expected at least 0, got -0.0039"),
    ],
)
def test_bad_arguments_are_one_line(tmp_path, called, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(called("analyze", *arguments))
    assert list(tmp_path.iterdir()) == []


# ---- in a browser ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(digits_page, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(digits_page)
    with Chromium() as opened:
        opened.size(1280, 900)
        opened.open(path)
        yield opened


def column(browser, name):
    """Return the cells of a column from top to bottom."""
    return browser.run(
        f"""(() => {{
            const heads = [...document.querySelectorAll("#table th button")];
            const at = heads.findIndex((head) => head.textContent === {json.dumps(name)});
            return [...document.querySelectorAll("#table tbody tr")].map(
                (row) => row.cells[at].textContent);
        }})()"""
    )


def click(browser, name):
    browser.run(
        f"""[...document.querySelectorAll("#table th button")]
            .find((head) => head.textContent === {json.dumps(name)}).click()"""
    )


@needs_browser
def test_it_renders_without_complaints_or_requests(browser):
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
    broken = "[...document.images].filter((one) => !one.complete || !one.naturalWidth).length"
    assert browser.run("document.images.length") > 30
    assert browser.run(broken) == 0
    assert "conv3" in browser.run("document.body.innerText")


@needs_browser
def test_a_complaint_would_be_heard(tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<p>bad</p><img src='none.png'><script>nothing()</script>")
    with Chromium() as opened:
        opened.open(path)
        assert "nothing is not defined" in json.dumps(opened.complaints)
        assert any(url.endswith("none.png") for url in opened.requests)


@needs_browser
def test_the_table_sorts_by_number_both_ways(browser):
    click(browser, "coherence")
    assert column(browser, "layer") == ["conv3", "conv2", "conv1"]
    assert column(browser, "coherence") == ["1.8e-05", "0.082", "0.59"]
    click(browser, "coherence")
    assert column(browser, "layer") == ["conv1", "conv2", "conv3"]
    click(browser, "filters")
    assert column(browser, "filters") == ["16×1×3×3", "24×16×3×3", "32×24×2×2"]
    click(browser, "filters")
    assert column(browser, "layer") == ["conv3", "conv2", "conv1"]
    sorted_by = """[...document.querySelectorAll("#table th[aria-sort]")]
        .filter((head) => head.ariaSort !== "none").map((head) => head.innerText.trim()).join()"""
    assert browser.run(sorted_by).startswith("filters")
    assert browser.complaints == []


def test_the_table_of_layers_comes_before_the_pathways(digits_page):
    places = [digits_page.index(f'<section id="{name}">') for name in SECTIONS]
    assert places == sorted(places)
    links = re.findall('href="#([a-z]+)"', digits_page.split("</nav>")[0])
    assert links == SECTIONS
    assert digits_page.index("Coherence of the layers") < places[SECTIONS.index("pathways")]


@needs_browser
def test_pictures_of_a_network_of_three_layers_stand_in_one_row(tmp_path):
    """The input, where units are undecided, and three layers; two a row on a small screen."""
    found = analyze(load(digits_network_path()), shipped_inputs(), limits=FEW, perturbation=0.01)
    path = tmp_path / "page.html"
    path.write_text(page(found, shown=1))
    rows = """(() => {
        const tops = [...document.querySelectorAll(".steps figure")].map((one) => one.offsetTop);
        return [...new Set(tops)].map((top) => tops.filter((x) => x === top).length);
    })()"""
    with Chromium() as opened:
        opened.open(path)
        for width, counts in ((1280, [5]), (390, [2, 2, 1])):
            opened.size(width, 900)
            assert opened.run(rows) == counts
            assert opened.run("document.documentElement.scrollWidth") <= width


@needs_browser
def test_links_lead_somewhere(browser):
    links = "[...document.links].map((one) => one.getAttribute('href'))"
    assert {"#glance", "#layer-1", "#layer-3"} <= set(browser.run(links))
    lost = "[...document.links].filter((one) => !document.querySelector(one.hash)).length"
    assert browser.run(lost) == 0
    browser.run("[...document.links].find((one) => one.hash === '#layer-2').click()")
    assert browser.run("document.querySelector('#layer-2').getBoundingClientRect().top") < 900


@needs_browser
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_no_page_is_wider_than_its_window(browser, width):
    browser.size(width, 800)
    assert browser.run("document.documentElement.scrollWidth") <= width
    sections = "[...document.querySelectorAll('main > section')]"
    assert max(browser.run(sections + ".map((x) => x.getBoundingClientRect().right)")) <= width


@needs_browser
def test_it_prints(browser):
    printed = browser.pdf()
    assert printed.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 20
