"""The form of the parameters, and what Preferences say of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

import napari_leukocyte
from napari_leukocyte.segmentation.parameters import CHOICES, RANGES, PostprocessParams
from napari_leukocyte.ui.segment.parameters_form import TEXTS, ParametersForm, WeightsForm
from napari_leukocyte.ui.segment.preferences import Preferences, read_preferences

MANIFEST = Path(napari_leukocyte.__file__).parent / "napari.yaml"
OTHER = PostprocessParams(
    threshold=0.31,
    opening_shape="cross",
    opening_size=0.2,
    closing_shape="rectangle",
    closing_size=0.0,
    fill_holes=False,
    area_lower_deviation=1.0,
    area_upper_deviation=7.5,
    few_objects="keep",
    watershed="nucleus",
    marker_distance=0.75,
    marker_height=0.2,
    border="drop",
    vote="mean",
    least_score=0.7,
)


@pytest.fixture
def form(qtbot: QtBot) -> ParametersForm:
    form = ParametersForm(PostprocessParams())
    qtbot.addWidget(form)
    return form


def test_every_parameter_is_there_and_explained() -> None:
    assert set(TEXTS) == {f.name for f in dataclasses.fields(PostprocessParams)}
    for name, text in TEXTS.items():
        assert len(text.help) > 40
        assert (text.step > 0) == (name in RANGES)
        assert set(text.choices) == set(CHOICES.get(name, ()))


def test_parameters_go_in_and_come_out(form: ParametersForm) -> None:
    heard: list[PostprocessParams] = []
    form.changed.connect(heard.append)
    form.set_record(OTHER)
    assert form.record() == OTHER
    assert not heard
    for name in TEXTS:
        value = getattr(OTHER, name)
        shown = form.input_of(name)
        if name in RANGES:
            assert shown.value() == pytest.approx(value)
        elif name in CHOICES:
            assert shown.currentData() == value
        else:
            assert shown.isChecked() is value


def test_every_input_changes_its_parameter_alone(form: ParametersForm) -> None:
    heard: list[PostprocessParams] = []
    form.changed.connect(heard.append)
    for name in TEXTS:
        form.set_record(PostprocessParams())
        shown, value = form.input_of(name), getattr(OTHER, name)
        if name in RANGES:
            shown.setValue(value)
        elif name in CHOICES:
            shown.setCurrentIndex(shown.findData(value))
        else:
            shown.setChecked(value)
        expected = dataclasses.replace(PostprocessParams(), **{name: value})
        assert heard.pop() == expected == form.record()
        assert not heard


def test_the_whole_range_can_be_set(form: ParametersForm) -> None:
    for name, (low, high) in RANGES.items():
        slider = form.input_of(name)
        for value in (low, high):
            slider.setValue(value)
            assert getattr(form.record(), name) == pytest.approx(value)


def test_a_preset_finer_than_the_sliders_is_kept(form: ParametersForm) -> None:
    fine = PostprocessParams(threshold=0.123456)
    form.set_record(fine)
    assert form.record() == fine


def test_what_has_no_effect_is_grey(form: ParametersForm) -> None:
    for watershed, enabled in (("none", False), ("nucleus", True), ("points", False)):
        form.set_record(PostprocessParams.from_dict({"watershed": watershed}))
        assert form.input_of("marker_distance").isEnabled() is enabled
        assert not form.input_of("marker_height").isEnabled()
    form.set_record(PostprocessParams(opening_size=0))
    assert not form.input_of("opening_shape").isEnabled()


def test_the_wheel_scrolls_past_and_changes_nothing(form: ParametersForm, qtbot: QtBot) -> None:
    form.show()
    for name in ("threshold", "border"):
        target = form.input_of(name)
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(target.mapToGlobal(QPoint(5, 5))),
            QPoint(0, 0),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(target, event)
    assert form.record() == PostprocessParams()


def test_a_lone_member_has_the_whole_vote(qtbot: QtBot) -> None:
    form = WeightsForm()
    qtbot.addWidget(form)
    form.set_members(["only"], [0.3])
    assert not form.sliders[0].isEnabled()
    assert form.weights() == (0.3,)
    form.set_members(["a", "b"], [2.0, 1.0])
    assert form.weights() == (1.0, 0.5)
    form.set_members([], [])
    assert form.weights() is None


def test_preferences_offer_every_parameter_with_its_range() -> None:
    configurations = PluginManifest.from_file(MANIFEST).contributions.configurations
    assert configurations is not None
    offered = configurations["segmentation"].properties
    assert set(offered) == {"model", "diameter", *TEXTS}
    for name, value in PostprocessParams().to_dict().items():
        assert offered[name].default == value
    for name, (low, high) in RANGES.items():
        assert (offered[name].minimum, offered[name].maximum) == (low, high)
    for name, values in CHOICES.items():
        assert tuple(offered[name].enum or ()) == values


def test_preferences_are_where_the_widget_starts(plugin_settings: None, npe2pm: Any) -> None:
    from napari.settings import get_plugin_settings

    assert read_preferences() == Preferences()  # the plugin is not installed
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    assert read_preferences() == Preferences()  # nothing was set
    settings = get_plugin_settings("napari-leukocyte").segmentation
    settings.threshold, settings.watershed = 0.42, "nucleus"
    settings.diameter, settings.model = 75, " mine "
    expected = PostprocessParams(threshold=0.42, watershed="nucleus")
    assert read_preferences() == Preferences("mine", 75.0, expected)
