"""Bits of the feature maps on the branch of a patch, by entropy and bit operations.

Value-driven quantization search (VDQS) of QuantMCU (Tao et al. 2024, arXiv 2401.13714). It needs
no run of the network: every number of bits b of a map i gets the score

    S(i, b) = -lambda * Omega(i, b) + (1 - lambda) * Phi(i, b)

Omega is the share of the map's entropy that b bits lose (see `entropy_loss`), Phi the share of the
bit operations of the map's readers that b bits save: 1 - b / 8. The operations of a map are
counted relative to its own ones at 8 bits, so that lambda means the same for all maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphopt.errors import OptionError
from graphopt.quantization.formats import ACTIVATIONS
from graphopt.quantization.patches.entropy import entropy_loss
from graphopt.quantization.ranges import Histogram, Quantizer

WIDEST = 8


@dataclass(frozen=True)
class ValueBits:
    """How bits follow from values.

    Attributes:
        phi: the central mass of the Gaussian outside of which a value is an outlier.
        tolerance: the share of a patch's values that may be outliers, before it is an outlier
            patch, which keeps 8 bits. None: 1 - phi, as many as the Gaussian has; over many
            samples every patch holds single ones. 0: none.
        weight: lambda, from 0 (only operations count) to 1 (only entropy counts).
        bits: of the feature maps of patches without outliers; 8, 4 and 2 exist, 8 is needed.
            Entropy falls almost linearly with the bits of a map, and so do its operations. The
            best score thus goes from 8 bits to the fewest at one lambda, near 0.58. With 2 bits
            the networks that were measured lose more than they save, so that they are not among
            the bits by default.

    Raises:
        OptionError: a share out of its range, or bits that there are no formats of.
    """

    phi: float = 0.96
    tolerance: float | None = None
    weight: float = 0.5
    bits: tuple[int, ...] = (8, 4)

    def __post_init__(self) -> None:
        if not 0 < self.phi < 1:
            raise OptionError("phi", f"expected a share between 0 and 1, found {self.phi}")
        for what, share in (("tolerance", self.tolerated), ("lambda", self.weight)):
            if not 0 <= share <= 1:
                raise OptionError(what, f"expected a share from 0 to 1, found {share}")
        known = sorted(bits for bits in ACTIVATIONS if bits <= WIDEST)
        if WIDEST not in self.bits or not set(self.bits) <= set(known):
            raise OptionError(
                "patch bits", f"expected {WIDEST} and others of {known}, found {self.bits}"
            )

    @property
    def tolerated(self) -> float:
        """The share of its values that may be outliers in a patch that counts as one without."""
        return 1 - self.phi if self.tolerance is None else self.tolerance


def score(omega: float, phi: float, weight: float) -> float:
    """S, of the shares of entropy lost and of operations saved."""
    return -weight * omega + (1 - weight) * phi


def choose_bits(
    patches: Sequence[Histogram],
    outliers: Sequence[bool],
    quantizers: Mapping[int, Quantizer],
    settings: ValueBits,
) -> list[int]:
    """The bits of each patch of one feature map: of the best score; 8 where there are outliers.

    Args:
        patches: what the values of each patch were, over all samples.
        outliers: see `outlier_patches`.
        quantizers: of the map, by the bits of `settings`. Of equal scores the first one's counts.
    """

    def best(patch: Histogram) -> int:
        def of(bits: int) -> float:
            omega = entropy_loss(patch, quantizers[bits])
            return score(omega, 1 - bits / WIDEST, settings.weight)

        return max(quantizers, key=of)

    return [
        WIDEST if outlier else best(patch) for patch, outlier in zip(patches, outliers, strict=True)
    ]
