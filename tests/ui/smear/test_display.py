from __future__ import annotations

from napari_leukocyte.analysis.smear.analysis import STEPS
from napari_leukocyte.ui.smear.display import Pace


def test_the_rate_of_the_new_fields_tells_how_long_the_others_take() -> None:
    # The shown field comes first; two of the 18 were analysed before.
    order = [*range(3, 18), 0, 1, 2]
    pace = Pace(order, set(order) - {3, 4})
    assert pace.describe(0, 0.1) == "0 of 16"
    # What passes in no time says nothing of the rate.
    assert pace.describe(2 * STEPS, 0.5) == "0 of 16"
    assert pace.describe(7 * STEPS, 50) == "5 of 16, about 2 min"
    assert pace.describe(7 * STEPS + STEPS // 2, 55) == "5 of 16, about 2 min"
    assert pace.describe(17 * STEPS, 150) == "15 of 16, less than a minute"
    assert pace.describe(3 * STEPS, 3600) == "1 of 16, about 15.0 h"
    assert pace.describe(18 * STEPS, 160) == "16 of 16"
