"""Claims like with like: the same guidance, sweeps, intervals, both columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from limn.editing.bench import claims, methods, metrics, quality_cases
from limn.editing.bench.claims import compared, speaks_of
from limn.editing.bench.report import Claim, figure
from limn.editing.bench.variations import Setting, settings, swept
from limn.editing.sketchbook.judge import Judge, new_judge

from .test_records import read


def test_a_sweep_holds_both_its_ends() -> None:
    assert swept("tas.ratio=0:0.5:0.1") == [
        f"tas.ratio={value}" for value in ("0", "0.1", "0.2", "0.3", "0.4", "0.5")
    ]
    assert swept("foi.tau=0.4:0.2:-0.1") == ["foi.tau=0.4", "foi.tau=0.3", "foi.tau=0.2"]


@pytest.mark.parametrize(
    "text", ["tas.ratio", "tas.ratio=1", "tas.ratio=0:1:0", "tas.ratio=0:1:-1", "tas.ratio=0:9:0.1"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="START:STOP:STEP"):
        swept(text)


def test_all_methods_get_the_same_guidance_under_their_own_names() -> None:
    (only,) = settings(["foi", "ip2p", "p2p"], [3.0])
    assert only == Setting(
        "guidance 3",
        {"foi": {"text_guidance": 3.0}, "ip2p": {"text_guidance": 3.0}, "p2p": {"guidance": 3.0}},
    )
    found = settings(["tas"], [1.5, 7.5], sweeps=["tas.ratio=0:0.2:0.1"])
    assert [one.changed["tas"] for one in found] == [
        {"guidance": g, "ratio": r} for g in (1.5, 7.5) for r in (0.0, 0.1, 0.2)
    ]
    (plain,) = settings(["tas"], sets=["tas.eta=1"])
    assert plain == Setting("", {"tas": {"eta": 1.0}}) and plain.folder(Path("x")) == Path("x")
    words = settings(["foi"], sets=["foi.tau=0.3"], sweeps=["foi.gamma=tight:loose"])
    assert [one.name for one in words] == ["foi.gamma=tight", "foi.gamma=loose"]
    assert words[1].changed == {"foi": {"tau": 0.3, "gamma": "loose"}}
    with pytest.raises(ValueError, match="no parameter"):
        settings(["tas"], [1.5], sweeps=["tas.nothing=0:1:1"])


def record(method: str, seed: int, **figures: Any) -> Mapping[str, Any]:
    return {"type": "pose", "seed": seed, "method": method, **figures}


@pytest.mark.parametrize(("gained", "holds"), [(12, "yes"), (6, "open"), (0, "no")])
def test_a_claim_holds_where_its_interval_leaves_out_zero(gained: int, holds: str) -> None:
    claim = Claim("TAS beats prompt-to-prompt", "tas", "p2p", figure("success"), ("pose",))
    records = [record("tas", k, success=k < gained) for k in range(12)]
    records += [record("p2p", k, success=k >= gained) for k in range(12)]
    records += [record("p2p", 99, success=True), record("tas", 98, refusal="")]
    found = compared(claim, records, claim.figure)
    assert found is not None and found.cases == 12
    assert (found.first, found.second, found.holds) == (gained / 12, 1 - gained / 12, holds)
    assert found.low <= found.first - found.second <= found.high
    assert compared(claim, records[:12], claim.figure) is None


@pytest.mark.parametrize(("more", "holds"), [(1.5, "yes"), (1.0, "open"), (0.5, "no")])
def test_a_claim_may_want_a_margin(more: float, holds: str) -> None:
    claim = Claim("", "tas", "p2p", figure("psnr"), ("pose",), margin=1.0)
    records = [record("tas", k, psnr=30.0 + more) for k in range(9)]
    records += [record("p2p", k, psnr=30.0) for k in range(9)]
    found = compared(claim, records, claim.figure)
    assert found is not None and found.holds == holds
    assert claim.holds(found.first, found.second) is (more > 1)


def test_less_is_better_where_the_claim_says_so() -> None:
    claim = Claim("", "foi", "ip2p", figure("distance"), lower=True)
    records = [record("foi", k, distance=0.1) for k in range(9)]
    records += [record("ip2p", k, distance=0.2) for k in range(9)]
    found = compared(claim, records, claim.figure)
    assert found is not None and found.holds == "yes" and found.low == pytest.approx(0.1)


def test_methods_are_asked_only_for_what_a_claim_compares() -> None:
    assert speaks_of("tas", "pose") and not speaks_of("tas", "recolour")
    assert speaks_of("diffedit", "replace") and not speaks_of("diffedit", "pose")
    assert speaks_of("ip2p", "combined") and not speaks_of("ip2p", "pose")


def test_it_runs_and_goes_on(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"p2p": {"steps": 2}, "sdedit": {"steps": 2}}
    monkeypatch.setattr(methods, "settings", lambda name, _: few.get(name, {}))
    parts = new_judge().eval()
    judge = Judge(parts["things"], parts["places"], parts["towers"])  # type: ignore[arg-type]
    monkeypatch.setattr(quality_cases, "load_judge", lambda: judge)
    arguments = ["--out", str(tmp_path), "--model", str(tiny_model), "--jobs", "1", "--cases", "1"]
    arguments += ["--types", "pose", "--methods", "p2p,sdedit", "--guidance", "2"]
    arguments += ["--sweep", "sdedit.strength=0.5:1:0.5"]
    result = CliRunner().invoke(claims.app, arguments)
    assert result.exit_code == 0, result.output
    for value, methods_there in (("0.5", {"p2p", "sdedit"}), ("1", {"sdedit"})):
        found = read(tmp_path / f"guidance-2-sdedit.strength={value}" / "quality.jsonl")
        assert {r["method"] for r in found} == methods_there  # p2p's stay those of the first
        assert all({"success_raw", "kept_raw", "psnr_decoded", "error"} <= r.keys() for r in found)
        guidances = ["p2p.guidance=2.0", "sdedit.guidance=2.0"]
        assert found[0]["changed"] == [*guidances, f"sdedit.strength={float(value)}"]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('/sheet.png"') == 2
    assert page.count(">p2p</td>") == 1 and page.count(">sdedit</td>") == 2
    again = CliRunner().invoke(claims.app, [*arguments, "--quick"])
    assert again.exit_code == 2 and "preset" in again.output
    unknown = CliRunner().invoke(claims.app, [*arguments, "--types", "tilt"])
    assert unknown.exit_code == 2 and "tilt" in unknown.output


def test_error_inside_is_of_the_picture_before() -> None:
    exact = torch.zeros(1, 1, 4, 4)
    exact[..., :2, :] = 1
    before, answer = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert metrics.error_inside(before, before, answer, exact) == 1
    assert metrics.error_inside(before, answer, answer, exact) == 0
    half = torch.full((1, 3, 4, 4), 0.5)
    assert metrics.error_inside(before, half, answer, exact) == pytest.approx(0.25)
    assert metrics.error_inside(before, half, before, exact) is None
