"""The adapted head as an estimator like those of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from napari_leukocyte.classification.embedding import compute, features_of
from napari_leukocyte.classification.measurements import as_label_image, iterate_regions
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.learning.head.base import base_for
from napari_leukocyte.learning.head.cells import Cells, RetrainingError
from napari_leukocyte.learning.head.head import Head, HeadParams, fit_head
from napari_leukocyte.learning.head.retrain import fit_calibrated


def embed_cells(image: ArrayLike, labels: ArrayLike, model: str = "default") -> NDArray[np.float32]:
    """Return the embedding of every object: what a classifier makes of it before its last layer.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    labels : array_like
        (H, W) integers of the image's size.
    model : str
        ``"default"``, the name of a classifier, or the path of its folder.

    Returns
    -------
    ndarray
        (N, E) float32, in the order of the labels; the mean over turned views.

    Raises
    ------
    ImageError, ModelError, NoEmbeddingError, ParameterError
        With one sentence on what is wrong, also if there is no object.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> nl.embed_cells(smear.image, smear.labels).shape
    (5, 1280)
    """
    rgb = normalise_image(image).rgb
    array = as_label_image(labels, (rgb.shape[0], rgb.shape[1]))
    regions = list(iterate_regions(array))
    if not regions:
        raise ParameterError("The label image holds no object that could have an embedding.")
    found = compute(rgb, regions, features_of(model))
    return np.asarray(found.astype(np.float32).mean(axis=1), np.float32)


class HeadClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # untyped
    """A new last layer of a classifier, fitted on embeddings of cells.

    It is what *Improve models* and ``napari-leukocyte retrain`` fit: standardised embeddings,
    principal components, and a logistic regression in which all classes weigh alike.

    Parameters
    ----------
    components : int
        Principal components of the embeddings that are kept; at least 1.
    whitening : float
        1 gives every component unit variance, 0 leaves them as they are; 0 to 1.
    strength : float
        Inverse strength of the regularisation (scikit-learn's ``C``); above 0.
    own_weight : float
        Part of a class's weight that the given cells have where the shipped ones have that class as
        well; 0 to 1.
    shipped : bool
        Whether the cells that ship with the classifier take part, so that nothing is forgotten.
        Their classes are then classes of the head as well.
    calibrate : bool
        Whether a temperature is fitted on cells that were held out by group, so that
        probabilities can be believed.
    model : str
        The classifier whose embeddings these are, for `shipped`.

    Attributes
    ----------
    classes_ : ndarray
        (C,), sorted.
    head_ : Head
        The dense layer: weights (E, C), bias (C,) and temperature.
    n_features_in_ : int
        Length E of an embedding.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((400, 400), n_per_class=2, diameter=60, touching_pairs=0)
    >>> embeddings = nl.embed_cells(smear.image, smear.labels)
    >>> names = [smear.classes[n] for n in range(1, len(embeddings) + 1)]
    >>> head = nl.HeadClassifier().fit(embeddings, names)
    >>> bool(head.score(embeddings, names) > 0.9)
    True
    >>> "erythroblast" in head.classes_  # of the shipped cells
    True
    """

    def __init__(
        self,
        components: int = 256,
        whitening: float = 0.5,
        strength: float = 0.1,
        own_weight: float = 0.8,
        *,
        shipped: bool = True,
        calibrate: bool = False,
        model: str = "default",
    ) -> None:
        self.components = components
        self.whitening = whitening
        self.strength = strength
        self.own_weight = own_weight
        self.shipped = shipped
        self.calibrate = calibrate
        self.model = model

    def fit(
        self,
        X: ArrayLike,  # noqa: N803
        y: ArrayLike,
        groups: Sequence[Any] | None = None,
    ) -> HeadClassifier:
        """Fit the head.

        Parameters
        ----------
        X : array_like
            (N, E): embeddings, as from :func:`embed_cells`.
        y : array_like
            (N,): the class of each cell. With `shipped`, names.
        groups : sequence, optional
            (N,): the photograph or smear of each cell, by which cells are held out for
            `calibrate`; each cell is its own by default.

        Returns
        -------
        HeadClassifier
            Itself.

        Raises
        ------
        ParameterError, RetrainingError
            If a parameter is outside its range, or there are not two classes.
        """
        values, given = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(given)
        params = HeadParams(self.components, self.whitening, self.strength, self.own_weight)
        own_names = np.unique(given)
        if self.shipped:
            base = base_for(features_of(self.model)).fitting
            if base.embeddings.shape[1] != values.shape[1]:
                raise ParameterError(
                    f"These embeddings have {values.shape[1]} numbers, those of the shipped cells "
                    f"{base.embeddings.shape[1]}: use embed_cells, or shipped=False."
                )
            self.classes_ = np.unique(np.concatenate([own_names.astype(str), base.classes]))
            names = given.astype(str)
        elif len(own_names) < 2:
            raise RetrainingError("A head needs cells of two classes or more: this is one class.")
        else:
            base = Cells(values[:0], np.zeros(0, str), np.zeros(0, str))
            self.classes_ = own_names
            # The head's classes are text, in alphabetical order.
            names = np.array([f"{i:06d}" for i in np.searchsorted(own_names, given)], dtype=str)
        if groups is None:
            groups = np.arange(len(values)).tolist()
        check_consistent_length(values, groups)
        own = Cells(values, names, np.array([str(g) for g in groups], dtype=str))
        head = fit_calibrated(own, base, params)[0] if self.calibrate else None
        self.head_: Head = head or fit_head(own, base, params)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return the logits of embeddings.

        Parameters
        ----------
        X : array_like
            (N, E).

        Returns
        -------
        ndarray
            (N, C) float64 in the order of `classes_`; of two classes (N,), for the second.
        """
        values = self._checked(X)
        logits = self.head_.logits(values) / self.head_.temperature
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of every class.

        Parameters
        ----------
        X : array_like
            (N, E).

        Returns
        -------
        ndarray
            (N, C) float64, 0 to 1, in the order of `classes_`; rows add up to 1.
        """
        values = self._checked(X)
        return self.head_.probabilities(values)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the class of each embedding.

        Parameters
        ----------
        X : array_like
            (N, E).

        Returns
        -------
        ndarray
            (N,), of `classes_`.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _checked(self, values: ArrayLike) -> NDArray[np.float32]:
        check_is_fitted(self)
        return np.asarray(validate_data(self, values, dtype=np.float32, reset=False))
