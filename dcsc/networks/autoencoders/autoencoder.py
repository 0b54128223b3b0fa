"""A sparse autoencoder: two dictionaries, and a projection between them."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arguments import instances
from dcsc._arrays import (
    Array,
    all_finite,
    batch_of,
    frozen_array,
    instance_of,
    not_finite,
    positive,
    real_array,
)
from dcsc._diagram import Station
from dcsc._display import Display, Displayed, interval, times
from dcsc._entries import Entries, SparseOrDense, is_sparse
from dcsc._fields import array_field, flag_field, named_field
from dcsc._words import counted, quoted
from dcsc.dictionaries import DenseDictionary
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.normalization import Normalization, Unchanged
from dcsc.projections import Projection

__all__ = ["Autoencoder"]

_BLOCK_ENTRIES = 2**22


def _frozen(value: Any, record: Any, where: str) -> Array:
    return frozen_array(real_array(value, where))


def _sentences(value: Any, record: Any, where: str) -> tuple[str, ...]:
    return instances(value, str, where)


@attrs.frozen(eq=False, repr=False)
class Autoencoder(Displayed):
    r"""A sparse autoencoder, or a transcoder, of activations of a network.

    With the encoder E and the decoder D, whose columns are the atoms of n *latents*, an activation
    x has the code

    .. math:: f = P\bigl(E^T (\bar x - b_{in}) + b_{enc}\bigr), \qquad \hat x = D f + b_{dec},

    where :math:`\bar x` is x, normalised if the autoencoder asks for it, and what is decoded is
    brought back to the size of x. A transcoder decodes another activation than the one it encodes,
    which is not brought back; some add a linear map S x.

    Parameters
    ----------
    encoder : DenseDictionary
        E, its signals the activations of d samples, its codes of shape ``(n,)``.
    decoder : DenseDictionary
        D, with codes of the same shape.
    projection : Projection
        P, which takes every code by itself.
    encoder_bias : array_like, shape (n,)
    decoder_bias : array_like, shape (d,), or that of the decoder's signals
    input_bias : array_like, shape (d,)
        What is subtracted before encoding: the decoder's bias in many, 0 in others.
    normalization : Normalization
    skip : array_like, shape (decoder's samples, d), optional
        S.
    transcoder : bool, default False
    source : str
        Where it comes from.
    notes : tuple of str
        What was assumed, folded or left out when it was read.

    Examples
    --------
    >>> import dcsc
    >>> atoms = dcsc.DenseDictionary([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    >>> model = Autoencoder(atoms, atoms, dcsc.JumpReLU(0.9), [0, 0, 0], [0, 0], [0, 0])
    >>> model.encode([[1.0, 0.0], [0.6, 0.8]]).toarray()
    array([[1., 0., 0.],
           [0., 0., 1.]])
    >>> model.reconstruct([0.6, 0.8])
    array([0.6, 0.8])
    """

    encoder: DenseDictionary = attrs.field(validator=instance_of(DenseDictionary))
    decoder: DenseDictionary = attrs.field(validator=instance_of(DenseDictionary))
    projection: Projection = attrs.field(validator=instance_of(Projection))
    encoder_bias: Array = array_field(_frozen)
    decoder_bias: Array = array_field(_frozen)
    input_bias: Array = array_field(_frozen)
    normalization: Normalization = attrs.field(
        factory=Unchanged, validator=instance_of(Normalization)
    )
    skip: Array | None = array_field(_frozen, optional=True)
    transcoder: bool = flag_field(default=False)
    source: str = attrs.field(default="memory", validator=instance_of(str))
    notes: tuple[str, ...] = named_field(_sentences, default=())

    def __attrs_post_init__(self) -> None:
        """Check that all parts fit each other."""
        samples, latents = self.encoder.matrix.shape
        out = self.decoder.signal_shape
        shapes = {
            "decoder": (self.decoder.code_shape, (latents,)),
            "encoder_bias": (self.encoder_bias.shape, (latents,)),
            "decoder_bias": (self.decoder_bias.shape, out),
            "input_bias": (self.input_bias.shape, (samples,)),
        }
        if self.skip is not None:
            shapes["skip"] = (self.skip.shape, (*out, samples))
        for name, (got, expected) in shapes.items():
            if got != expected:
                what = "latents" if name == "decoder" else "shape"
                raise DcscError(f"Autoencoder: {name}: expected {what} {expected}, got {got}")
        if not self.transcoder and out != (samples,):
            raise DcscError(
                f"Autoencoder: decoder: expected signals of shape {(samples,)}, as those of the "
                f"encoder, got {out}; only a transcoder's may differ"
            )
        if self.projection.couples_batch:
            raise DcscError(
                f"Autoencoder: projection: expected one that takes each code by itself, got "
                f"{type(self.projection).__name__}; at inference a fixed threshold stands for it"
            )

    @property
    def latents(self) -> int:
        """The number of latents, n."""
        return self.encoder.matrix.shape[1]

    def _display(self) -> Display:
        kind = "Transcoder" if self.transcoder else "Autoencoder"
        rows = [
            ("encoder", times(self.encoder.matrix.shape)),
            ("decoder", times(self.decoder.matrix.shape)),
            ("projection", _named(self.projection)),
            ("subtracted first", "a bias" if self.input_bias.any() else "nothing"),
            ("normalisation", type(self.normalization).__name__),
            ("skip", "none" if self.skip is None else times(self.skip.shape)),
        ]
        title = f"{kind} from {self.source}: {counted(self.latents, 'latent')}"
        samples, out = (side.matrix.shape[0] for side in (self.encoder, self.decoder))
        chain = [
            Station(f"activations, {samples}", samples),
            Station(f"latents, {self.latents}", self.latents, f"encoder, {rows[2][1]}"),
            Station(f"{'output' if self.transcoder else 'activations'}, {out}", out, "decoder"),
        ]
        return Display(title, ("", "is"), rows, self.notes, chain)

    # ---- forward ---------------------------------------------------------------------------------

    def coefficients(self, activations: "npt.ArrayLike") -> Array:
        """Return what the projection is given, ``(*batch, n)``, of activations ``(*batch, d)``."""
        array = self._checked(activations, "coefficients")
        flat = array.reshape(-1, array.shape[-1])
        return self._coefficients(flat).reshape(*array.shape[:-1], self.latents)

    def encode(self, activations: "npt.ArrayLike") -> "scipy.sparse.csr_array":
        """Return the codes of activations ``(*batch, d)``, a row of n for each.

        Memory is taken for what is not zero, and for some rows at a time.
        """
        array = self._checked(activations, "encode")
        flat = array.reshape(-1, array.shape[-1])
        step = max(1, _BLOCK_ENTRIES // self.latents)
        parts = [
            scipy.sparse.csr_array(
                self.projection(self._coefficients(flat[at : at + step]), self.encoder)
            )
            for at in range(0, max(len(flat), 1), step)
        ]
        return scipy.sparse.csr_array(scipy.sparse.vstack(parts))

    def decode(self, codes: "SparseOrDense", activations: "npt.ArrayLike | None" = None) -> Array:
        """Return D f + b_dec for codes f of shape ``(*batch, n)``, sparse or not.

        With the activations that they are the codes of, what was normalised is brought back, and
        what skips the codes is added.
        """
        where = "Autoencoder.decode: codes"
        matrix, shape = self.decoder.matrix, (self.latents,)
        if is_sparse(codes):
            entries = Entries.of(codes, shape, where)
            entries = entries.astype(np.result_type(entries.values, matrix))
            batch, atoms = entries.batch, self.decoder._synthesize_entries(entries)
        else:
            array = real_array(codes, where)
            batch = batch_of(array.shape, shape, where)
            with np.errstate(all="ignore"):
                atoms = array.reshape(-1, self.latents) @ matrix.T
        seen = None if activations is None else self._checked(activations, "decode")
        if seen is not None and seen.shape[:-1] != batch:
            raise DcscError(
                f"Autoencoder.decode: activations: expected one for each of the codes of shape "
                f"{batch + shape}, got shape {seen.shape}"
            )
        with np.errstate(all="ignore"):
            results = atoms + self.decoder_bias
            if seen is not None:
                results = self._restored(results, seen.reshape(-1, seen.shape[-1]))
        if not all_finite(results):
            raise not_finite(results, "Autoencoder.decode: codes times atoms")
        return results.reshape(batch + self.decoder.signal_shape)

    def reconstruct(self, activations: "npt.ArrayLike") -> Array:
        """Return what the autoencoder makes of activations ``(*batch, d)``."""
        array = self._checked(activations, "reconstruct")
        flat = array.reshape(-1, array.shape[-1])
        out = self.decode(self.encode(flat), flat)
        return out.reshape(*array.shape[:-1], *self.decoder.signal_shape)

    def scaled(self, factor: float) -> "Autoencoder":
        """Return the autoencoder of activations that this one expects times a factor.

        Some are trained on activations times one number, so that their norms are √d on average, and
        their files do not hold it. The codes stay the same.

        Raises
        ------
        DcscError
            If the factor is not positive, if it is a transcoder, whose outputs have another size,
            or if it normalises activations, so that no factor matters.
        """
        number = positive(factor, "Autoencoder.scaled: factor")
        if self.transcoder:
            raise DcscError("Autoencoder.scaled: expected an autoencoder, got a transcoder")
        if self.normalization != Unchanged():
            raise DcscError(
                "Autoencoder.scaled: expected an autoencoder that takes activations as they are, "
                f"got one with {type(self.normalization).__name__}"
            )
        with np.errstate(all="ignore"):  # the constructors refuse what no float holds
            encoder, decoder = self.encoder.matrix * number, self.decoder.matrix / number
            biases = self.decoder_bias / number, self.input_bias / number
        return attrs.evolve(
            self,
            encoder=DenseDictionary(encoder),
            decoder=DenseDictionary(decoder),
            decoder_bias=biases[0],
            input_bias=biases[1],
            notes=(*self.notes, f"activations are multiplied by {number:g}, and results divided"),
        )

    def _restored(self, decoded: Array, flat: Array) -> Array:
        """Return what was decoded as large as its activations, with what is added to it."""
        if not self.transcoder:
            by = self.normalization.statistics(flat)
            decoded = decoded * by.factor + by.shift
        return decoded if self.skip is None else decoded + flat @ self.skip.T

    def _coefficients(self, flat: Array) -> Array:
        by = self.normalization.statistics(flat)
        with np.errstate(all="ignore"):  # what no float holds, a dictionary and projections refuse
            centred = (flat - by.shift) / by.divisor - self.input_bias.astype(flat.dtype)
            return self.encoder.analyze(centred) + self.encoder_bias.astype(flat.dtype)

    def _checked(self, activations: Any, method: str) -> Array:
        where = f"Autoencoder.{method}: activations"
        array = real_array(activations, where)
        samples = self.encoder.matrix.shape[0]
        if array.shape[-1:] != (samples,):
            raise DcscError(f"{where}: expected shape (*batch, {samples}), got {array.shape}")
        return array.astype(np.result_type(array, self.encoder.matrix), copy=False)


def _named(projection: Projection) -> str:
    """Return a projection in words, thresholds by their ends."""
    threshold = getattr(projection, "threshold", None)
    if threshold is not None and np.ndim(threshold):
        between = interval(threshold.min(), threshold.max())
        return f"{type(projection).__name__}, threshold {between}"
    return quoted(projection)
