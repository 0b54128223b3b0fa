"""What is said of sparse autoencoders, held against all pairs, all codes and all signs."""

import itertools
import json

import attrs
import numpy as np
import pytest

from dcsc import DcscError, DenseDictionary, JumpReLU, PositiveTopK, ReLU, TopK
from dcsc.networks import Autoencoder, load_autoencoder
from dcsc.networks.autoencoders.analysis import (
    MEANINGS,
    AutoencoderLimits,
    analyze_autoencoder,
    directions,
    noise_activations,
    read_activations,
)
from dcsc.networks.autoencoders.analysis.recovery import recovery
from dcsc.plotting import latents
from dcsc.report import autoencoder_glance, autoencoder_page
from tests.chromium import BROWSER, Chromium
from tests.commands import call, refused
from tests.networks import saes

RNG = np.random.default_rng(0)
SAMPLES, LATENTS = 8, 30
DECODER = RNG.normal(size=(SAMPLES, LATENTS))
DECODER[:, [7, 20]] = DECODER[:, [3]] * [2.0, 0.5]  # three of one direction
DECODER[:, 12] = -DECODER[:, 4]  # opposite is no duplicate
DECODER[:, 9] *= 1e-6
ENCODER = DECODER + 0.1 * RNG.normal(size=DECODER.shape)
ENCODER[:, 15] = 0
ACTIVATIONS = RNG.normal(size=(50, SAMPLES))
DEAD = (9, 15)


def model(projection=None, **changes):
    zeros = np.zeros(SAMPLES)
    return Autoencoder(
        DenseDictionary(ENCODER),
        DenseDictionary(DECODER),
        projection or JumpReLU(np.full(LATENTS, 1.5)),
        RNG.normal(size=LATENTS) * 0,
        0.1 + zeros,
        **{"input_bias": zeros, **changes},
    )


@pytest.fixture(scope="module")
def analysis():
    return analyze_autoencoder(model(), ACTIVATIONS)


def cosines(left, right):
    with np.errstate(invalid="ignore"):
        left, right = (np.nan_to_num(m / np.linalg.norm(m, axis=0)) for m in (left, right))
    products = left.T @ right
    products[list(DEAD)] = products[:, list(DEAD)] = 0
    return products


# ---- the atoms -----------------------------------------------------------------------------------


def test_the_decoder_is_what_all_pairs_say(analysis):
    facts = analysis.decoder
    products = cosines(DECODER, DECODER)
    np.fill_diagonal(products, 0)
    assert facts.dead == DEAD
    assert facts.coherence == pytest.approx(1)
    assert facts.duplicates == ((3, 7, 20),)
    np.testing.assert_allclose(facts.nearest, np.abs(products).max(axis=0), atol=1e-6)
    order = np.sort(np.abs(products[np.triu_indices(LATENTS, 1)]))[::-1]
    np.testing.assert_allclose([abs(p.cosine) for p in facts.pairs], order[:20], atol=1e-12)
    for pair in facts.pairs:
        assert pair.cosine == pytest.approx(products[pair.first, pair.second], abs=1e-12)
    live = np.delete(DECODER, DEAD, axis=1)
    unit = DenseDictionary(live).normalized()
    assert facts.floor == unit.welch_floor()
    assert len(facts.babel) == LATENTS - len(DEAD) - 1
    np.testing.assert_allclose(facts.babel, [unit.babel(s + 1) for s in range(27)], rtol=1e-9)
    norms = np.linalg.norm(DECODER, axis=0)
    np.testing.assert_allclose(facts.norms, [norms.min(), np.median(norms), norms.max()])


def test_the_encoder_beside_the_decoder(analysis):
    products = cosines(ENCODER, DECODER)
    np.testing.assert_allclose(analysis.cross.aligned, np.diag(products), atol=1e-12)
    np.fill_diagonal(products, 0)
    assert analysis.cross.coherence == pytest.approx(np.abs(products).max())
    worst = analysis.cross.pairs[0]
    assert worst.cosine == pytest.approx(products[worst.first, worst.second])


@pytest.mark.parametrize("most", [0, 3, 10**6])
def test_duplicates_are_found_however_many_links_are_kept(most, monkeypatch):
    monkeypatch.setattr(directions, "_MOST_LINKS", most)
    monkeypatch.setattr("dcsc.dictionaries.alike._TILE", 4)
    rng = np.random.default_rng(1)
    which = rng.integers(0, 6, 25)
    atoms = np.eye(6)[:, which]
    small = attrs.evolve(
        model(),
        encoder=DenseDictionary(atoms),
        decoder=DenseDictionary(atoms),
        projection=ReLU(),
        encoder_bias=np.zeros(25),
        decoder_bias=np.zeros(6),
        input_bias=np.zeros(6),
    )
    groups = analyze_autoencoder(small).decoder.duplicates
    expected = {tuple(np.flatnonzero(which == k).tolist()) for k in range(6)}
    assert set(groups) == {group for group in expected if len(group) > 1}


def test_one_latent_has_no_pairs():
    one = DenseDictionary(np.ones((2, 1)))
    small = Autoencoder(one, one, ReLU(), [0.0], [0.0, 0.0], [0.0, 0.0])
    facts = analyze_autoencoder(small, [[1.0, 2.0]])
    assert (facts.decoder.coherence, facts.decoder.pairs, facts.decoder.babel) == (0, (), ())
    assert facts.firing.fired.tolist() == [1]
    assert "transcoder" not in autoencoder_page(facts)


# ---- the codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [LATENTS, 2**22])
def test_tallies_are_those_of_all_codes(block, monkeypatch):
    monkeypatch.setattr("dcsc.networks.autoencoders.analysis.firing._BLOCK_ENTRIES", 7 * block)
    asked = model()
    facts = analyze_autoencoder(asked, ACTIVATIONS.reshape(2, 25, -1)).firing
    codes = asked.encode(ACTIVATIONS).toarray()
    results = asked.reconstruct(ACTIVATIONS)
    assert facts.count == 50
    np.testing.assert_array_equal(facts.fired, np.count_nonzero(codes, axis=0))
    np.testing.assert_array_equal(facts.active, np.count_nonzero(codes, axis=1))
    assert set(facts.silent) == set(np.flatnonzero(~codes.any(axis=0)))
    spread = np.square(ACTIVATIONS - ACTIVATIONS.mean(axis=0)).sum()
    error = np.square(ACTIVATIONS - results).sum()
    assert facts.explained == pytest.approx(1 - error / spread)
    again = asked.encode(results).toarray() != 0
    on = codes != 0
    assert facts.again == pytest.approx(
        ((on & again).sum() / on.sum(), (again & ~on).sum() / on.sum())
    )


def test_few_are_encoded_again():
    few = analyze_autoencoder(model(), ACTIVATIONS, limits=AutoencoderLimits(again=3))
    first = analyze_autoencoder(model(), ACTIVATIONS[:3])
    assert few.firing.again == first.firing.again
    none = analyze_autoencoder(model(JumpReLU(1e6)), ACTIVATIONS)
    assert none.firing.again is None
    assert none.recovery is None
    assert "Theorems were not asked" in autoencoder_glance(none)[-1]


# ---- the theorems --------------------------------------------------------------------------------


def over_all_signs(code, beta, signed=False):
    """How many active latents are found, and others raised, in the mean over all signs; and which
    are found for every one of them."""
    atoms = directions.unit_atoms(DenseDictionary(DECODER), np.isin(range(LATENTS), DEAD))
    gram, on = atoms.T @ atoms, np.flatnonzero(code)
    found, raised = [], []
    for signs in itertools.product((1, -1), repeat=len(on)):
        seen = gram[:, on] @ (np.array(signs) * code[on])
        seen[on] *= signs
        above = (np.abs(seen) if signed else seen) > beta
        found.append(above[on])
        # Off the support the sign is fair and independent: the half of both sides is expected.
        off = np.delete(seen, on), np.delete(beta, on)
        both = (off[0] > off[1]).astype(float) + (-off[0] > off[1])
        raised.append(both.sum() / (1 if signed else 2))
    return np.mean(found), np.mean(raised) / len(on), np.all(found, axis=0).mean()


@pytest.mark.parametrize(
    "projection", [JumpReLU(np.full(LATENTS, 3.5)), PositiveTopK(4), TopK(4), ReLU(3.0)]
)
def test_what_is_proved_holds_the_mean_over_all_signs(projection):
    asked = model(projection)
    atoms = directions.unit_atoms(DenseDictionary(DECODER), np.isin(range(LATENTS), DEAD))
    lengths = np.linalg.norm(DECODER, axis=0) * atoms.any(axis=0)
    options = {"most": 1e10, "inputs": 1, "draws": 400, "units": 100, "noise": 0.0, "seed": 0}
    tried = 0
    for x in ACTIVATIONS[:12]:
        code = asked.encode(x).toarray()[0] * lengths
        if not 0 < np.count_nonzero(code) <= 8:
            continue
        tried += 1
        facts = recovery(asked, atoms, x[None], **options)
        least = np.asarray(getattr(projection, "threshold", 0.0)) * isinstance(projection, JumpReLU)
        beta = np.maximum(least * lengths, np.abs(code[code != 0]).min()) / 2
        signed = bool((code < 0).any())
        found, raised, safe = over_all_signs(code, beta, signed)
        assert facts.found.low - 1e-9 <= found <= facts.found.high + 1e-9
        assert facts.false_alarms.low - 1e-9 <= raised <= facts.false_alarms.high + 1e-9
        assert facts.measured == pytest.approx(found, abs=0.1)
        assert facts.measured_false_alarms == pytest.approx(raised, abs=0.4)
        assert (facts.safe is None) == signed
        if not signed:
            assert facts.safe <= safe + 1e-9
            assert facts.safe <= facts.likely
    assert tried >= 3


# ---- in words ------------------------------------------------------------------------------------


def test_numbers_are_what_json_has(analysis):
    numbers = json.loads(json.dumps(analysis.numbers(), allow_nan=False))
    assert numbers["decoder"]["duplicates"] == [[3, 7, 20]]
    assert numbers["decoder"]["pairs"][0].keys() == {"first", "second", "cosine"}
    assert numbers["recovery"]["found"] == list(analysis.recovery.found)
    assert numbers["firing"]["fired"] == analysis.firing.fired.tolist()


def test_what_is_shown(analysis):
    assert repr(analysis).startswith("Analysis of memory: 30 latents\n")
    names = [name for name, _ in analysis.rows()]
    assert names[2] == "μ₁(1, 4, 16)"
    assert names[-1] == "false alarms"
    assert [name.partition("(")[0] for name in names] == list(MEANINGS)
    assert dict(analysis.rows())["duplicates"] == "3, in 1 group"
    page = autoencoder_page(analysis)
    assert "3, 7, 20" in page
    assert "9, 15" in page
    glance = " ".join(autoencoder_glance(analysis))
    assert "3 latents are duplicates, at cosines of 0.99 and more, in 1 group." in glance


def test_what_is_printed_has_the_worst_pairs_and_what_the_activations_gave(analysis):
    text, rows = repr(analysis), dict(analysis.rows())
    assert str(analysis.decoder.pairs[0]) in text
    for name in ("never fire", "active latents", "variance explained", "found by the decoder"):
        assert name in text
        assert rows[name] in text
    assert "more" not in text
    assert len(repr(analysis.recovery).splitlines()) == 10
    table = analysis.to_pandas()
    assert table.density.tolist() == analysis.firing.density.tolist()
    assert table.aligned.tolist() == analysis.cross.aligned.tolist()
    pairs = analysis.decoder.to_pandas()
    assert pairs.cosine.tolist() == [pair.cosine for pair in analysis.decoder.pairs]
    assert pairs["second"].tolist() == [pair.second for pair in analysis.decoder.pairs]


def test_atoms_that_are_one_another_have_a_cosine_of_one_and_no_more():
    random = np.random.default_rng(0)
    atoms = DenseDictionary(random.normal(size=(7, 300)))
    tied = Autoencoder(atoms, atoms, ReLU(), np.zeros(300), np.zeros(7), np.zeros(7))
    tied = analyze_autoencoder(tied)
    assert tied.cross.aligned.max() == 1
    assert drawn(latents.aligned_chart(tied.cross))[0] == 300


def test_an_error_above_the_variance_is_said_as_such(analysis):
    firing = attrs.evolve(analysis.firing, explained=-12.7)
    rows = dict(attrs.evolve(analysis, firing=firing).rows())
    assert rows["variance explained"] == "none, the error is 13.7 times it"


def drawn(figure):
    (axes,) = figure.axes
    handles, names = axes.get_legend_handles_labels()
    return sum(patch.get_height() for patch in axes.patches), dict(zip(names, handles, strict=True))


def test_charts_draw_the_facts(analysis):
    decoder, firing = analysis.decoder, analysis.firing
    count, lines = drawn(latents.nearest_chart(decoder))
    assert count == LATENTS - len(DEAD)
    assert [line.get_xdata()[0] for line in lines.values()] == [decoder.floor, decoder.coherence]
    assert list(lines) == [f"Welch's floor {decoder.floor:.3f}", "coherence 1.000"]
    _, lines = drawn(latents.babel_chart(decoder))
    assert lines["Babel function μ₁(S)"].get_ydata().tolist() == list(decoder.babel)
    assert drawn(latents.aligned_chart(analysis.cross))[0] == LATENTS
    assert drawn(latents.density_chart(firing))[0] == LATENTS - len(firing.silent)
    assert drawn(latents.active_chart(firing))[0] == firing.count


@pytest.mark.parametrize("threshold", [1e6, 0.0])
def test_charts_of_latents_that_never_or_always_fire(threshold):
    facts = analyze_autoencoder(model(JumpReLU(threshold)), ACTIVATIONS).firing
    assert drawn(latents.density_chart(facts))[0] == LATENTS - len(facts.silent)
    assert drawn(latents.active_chart(facts))[0] == 50


def test_the_page_of_a_transcoder_speaks_of_no_reconstruction(tmp_path):
    asked = load_autoencoder(saes.write(tmp_path / "sae", "transcoder"))
    facts = analyze_autoencoder(asked, saes.ACTIVATIONS)
    assert (facts.cross, facts.firing.explained, facts.firing.again) == (None, None, None)
    glance = " ".join(autoencoder_glance(facts))
    assert glance.startswith("A transcoder of 6 to 4 dimensions")
    assert "variance" not in glance
    assert "Encoder and decoder" not in autoencoder_page(facts)


def test_activations_from_files(tmp_path):
    asked, path = model(), tmp_path / "x.npy"
    np.save(path, ACTIVATIONS.reshape(5, 10, -1))
    np.testing.assert_array_equal(read_activations(asked, path), ACTIVATIONS)
    np.savez(tmp_path / "x.npz", activations=ACTIVATIONS)
    np.testing.assert_array_equal(read_activations(asked, tmp_path / "x.npz"), ACTIVATIONS)
    np.savez(tmp_path / "two.npz", ACTIVATIONS, ACTIVATIONS)
    np.save(tmp_path / "wide.npy", np.ones((3, 9)))
    for name, message in (
        ("two.npz", "expected one array, got arr_0, arr_1"),
        ("wide.npy", r"expected shape \(\*batch, 8\), got \(3, 9\)"),
        ("x.png", r"expected activations, in a \.npy or \.npz file"),
    ):
        with pytest.raises(DcscError, match=message):
            read_activations(asked, tmp_path / name)
    assert noise_activations(asked, 3).shape == (3, SAMPLES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("autoencoder",), "autoencoder: expected an Autoencoder, got 'autoencoder'"),
        ((model(), np.ones((2, 9))), r"expected shape \(\*batch, 8\), got \(2, 9\)"),
        ((model(), np.ones((0, 8))), r"expected shape \(\*batch, 8\), got \(0, 8\)"),
        ((model(), None, -1), "noise: expected at least 0"),
        ((model(), None, 0, 0, 3), "limits: expected an AutoencoderLimits"),
    ],
)
def test_arguments_that_are_refused(arguments, message):
    with pytest.raises(DcscError, match=message):
        analyze_autoencoder(*arguments)


# ---- the command ---------------------------------------------------------------------------------


def test_the_command_shows_an_autoencoder(tmp_path, monkeypatch, capsys):
    saes.write(tmp_path / "sae", "jumprelu")
    np.save(tmp_path / "x.npy", saes.ACTIVATIONS)
    monkeypatch.chdir(tmp_path)
    out = call(monkeypatch, capsys, "analyze", "sae", "--input", "x.npy", "--most", "20").out
    assert "An autoencoder of 6 dimensions with 20 latents." in out
    assert "1 of 20 latents never fires on 20 activations" in out
    assert "read as SAELens writes it" in out
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["firing"]["count"] == 20
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    done = call(monkeypatch, capsys, "analyze", "sae/sae_weights.safetensors", "--input", "noise")
    assert "normal noise, not data" in done.out


def test_commands_that_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = saes.write(tmp_path / "sae", "topk")
    for arguments, message in (
        (["--perturbation", "1/255"], "--perturbation: expected a network, got an autoencoder"),
        (["--input", "x.png"], "expected activations"),
        (["--most", "0", "--input", "noise"], "--most: expected at least 1"),
    ):
        assert message in refused(call(monkeypatch, capsys, "analyze", "sae", *arguments))
    path.with_name("cfg.json").unlink()
    assert "expected a cfg.json" in refused(call(monkeypatch, capsys, "analyze", "sae"))
    assert not list(tmp_path.glob("report*"))


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_the_page_in_a_browser(analysis, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(autoencoder_page(analysis))
    with Chromium() as opened:
        opened.open(path)
        assert opened.complaints == []
        assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []
        assert opened.run("document.images.length") == 5
        broken = "[...document.images].filter((one) => !one.complete || !one.naturalWidth).length"
        assert opened.run(broken) == 0
        lost = "[...document.links].filter((one) => !document.querySelector(one.hash)).length"
        assert opened.run(lost) == 0
        for width in (360, 1280):
            opened.size(width, 800)
            assert opened.run("document.documentElement.scrollWidth") <= width
