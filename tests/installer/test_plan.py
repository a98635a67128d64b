"""Plans are pure: what happens on any machine is seen here."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from limn.installer.actions import (
    BuildZip,
    InstallPackages,
    InstallSystemPackages,
    InstallTorch,
    PutPlugin,
    Run,
    TakePlugin,
)
from limn.installer.from_plugin import plan_server
from limn.installer.machine import CPU_WHEELS, TEST_PROGRAMS, KritaHome, Machine
from limn.installer.plan import Plan, plan_plugin, plan_test, plan_try, plan_uninstall
from limn.installer.torch_builds import choose_torch

from .machines import BARE, HOME, READY, ROOT, project, with_gpu

OUT = Path("/tmp/pictures")


def names(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def test_try_on_a_bare_machine() -> None:
    plan = plan_try(BARE, project(), OUT)
    assert names(plan) == ["environment", "torch", "packages", "torch-check", "limn", "first-edit"]
    assert not plan.problems and not plan.notes
    assert plan.steps[-1].action == Run(("-m", "limn.server.cli.first_edit", "--out", str(OUT)))


def test_try_says_how_to_put_the_plugin_in_where_krita_is() -> None:
    assert any("installer plugin" in note for note in plan_try(READY, project(), OUT).notes)


def test_the_disk_that_torch_takes_depends_on_where_it_comes_from() -> None:
    def needs(**facts: Any) -> float:
        plan = plan_try(replace(BARE, **facts), project(), OUT)
        action = next(s.action for s in plan.steps if isinstance(s.action, InstallTorch))
        return action.needs / 1e9

    assert needs() == needs(system="Windows") == 4
    assert needs(cpu_wheels_reachable=False, package_source="index-url") == 12
    assert needs(cpu_wheels_reachable=False, package_source="no-index") == 4


def test_the_docker_installs_the_small_torch_where_there_is_no_card(tmp_path: Path) -> None:
    """And reckons with its size; else its source is where pip's packages come from."""
    wheel = tmp_path / "limn.whl"
    wheel.write_bytes(b"a wheel")

    def torch(machine: Machine) -> InstallTorch:
        plan = plan_server(machine, project(), wheel, tmp_path)
        return next(s.action for s in plan.steps if isinstance(s.action, InstallTorch))

    assert torch(BARE).sources[0].index == CPU_WHEELS
    assert torch(BARE).needs < torch(with_gpu("580.65.06", (8, 6))).needs
    assert torch(replace(BARE, cpu_wheels_reachable=False)).sources[0].index is None


def test_torch_comes_before_whatever_asks_for_it_and_in_no_other_step() -> None:
    for plan in (plan_try(BARE, project(), OUT), plan_test(BARE, project())):
        actions = [step.action for step in plan.steps]
        first = next(
            number for number, action in enumerate(actions) if isinstance(action, InstallTorch)
        )
        later = [action for action in actions if isinstance(action, InstallPackages)]
        assert all(actions.index(action) > first for action in later)
        assert not [
            line for action in later for line in action.requirements if re.match(r"torch\b", line)
        ]


def test_everything_is_pinned_exactly() -> None:
    them = project()
    for line in (*them.requirements, *them.plugin, *them.bench, *them.dev, *them.constraints):
        assert re.fullmatch(r"[A-Za-z0-9-]+==[0-9][0-9.]*(; .+)?", line), line


def test_the_test_plan_installs_with_apt_as_root_and_runs_all_checks() -> None:
    plan = plan_test(BARE, project())
    assert plan.steps[0].action == InstallSystemPackages(
        ("krita", "xvfb", "mmdebstrap", "xdotool", "imagemagick", "python3-pyqt5"), sudo=False
    )
    assert names(plan)[-5:] == ["ruff", "format", "mypy", "kritas", "pytest"]
    assert [step.action.lasting for step in plan.steps[-4:] if isinstance(step.action, Run)] == [
        True,
        True,
        True,
        False,
    ]


def test_only_what_is_missing_is_installed() -> None:
    assert names(plan_test(READY, project()))[0] == "environment"
    for program, package in TEST_PROGRAMS.items():
        plan = plan_test(replace(READY, programs=READY.programs - {program}), project())
        assert plan.steps[0].action == InstallSystemPackages((package,), sudo=False)


def test_without_root_sudo_is_used_and_without_sudo_the_packages_are_named() -> None:
    user = replace(BARE, root=False)
    plan = plan_test(user, project())
    assert plan.problems and "krita xvfb mmdebstrap xdotool imagemagick" in plan.problems[0]
    plan = plan_test(replace(user, programs=user.programs | {"sudo"}), project())
    action = plan.steps[0].action
    assert isinstance(action, InstallSystemPackages) and action.sudo and not plan.problems


def test_another_distribution_and_another_system_get_words() -> None:
    fedora = replace(BARE, programs=frozenset({"sudo"}), root=False)
    assert "package manager" in plan_test(fedora, project()).problems[0]
    assert (
        "Linux"
        in plan_test(replace(BARE, system="Windows", programs=frozenset()), project()).problems[0]
    )
    assert "Intel" in plan_try(replace(BARE, system="Darwin"), project(), OUT).problems[0]


def test_debian_without_venv() -> None:
    bare = replace(BARE, can_make_environments=False, python=(3, 13))
    assert plan_try(bare, project(), OUT).steps[0].action == InstallSystemPackages(
        ("python3.13-venv",), sudo=False
    )
    assert "python3.13-venv" in plan_try(replace(bare, root=False), project(), OUT).problems[0]


@pytest.mark.parametrize(
    ("machine", "version", "index", "cuda"),
    [
        (BARE, "2.13.0", CPU_WHEELS, False),
        (replace(BARE, package_source="find-links"), "2.13.0", None, False),
        (replace(BARE, cpu_wheels_reachable=False), "2.13.0", None, False),
        (replace(BARE, system="Windows"), "2.13.0", None, False),
        (replace(BARE, system="Darwin", architecture="arm64"), "2.13.0", None, False),
        (with_gpu("580.65.06", (8, 6)), "2.13.0", None, True),
        (with_gpu("590.1", None), "2.13.0", None, True),
        (with_gpu("580.88", (8, 9), "Windows"), "2.13.0", "cu130", True),
        (with_gpu("570.133.20", (8, 6)), "2.10.0", "cu128", True),
        (with_gpu("525.60", (7, 5)), "2.10.0", "cu128", True),
        (with_gpu("580.65", (6, 1)), "2.10.0", "cu126", True),
        (with_gpu("535.1", (7, 0)), "2.10.0", "cu126", True),
        (with_gpu("470.199", (6, 1)), "2.13.0", "cpu", False),
        (with_gpu("390.1", (6, 1)), "2.13.0", CPU_WHEELS, False),
        (with_gpu("470.2", (3, 5)), "2.13.0", CPU_WHEELS, False),
        (with_gpu("570.1", (8, 6), python=(3, 14)), "2.13.0", CPU_WHEELS, False),
    ],
)
def test_the_build_of_torch_fits_the_machine(
    machine: object, version: str, index: str | None, cuda: bool
) -> None:
    assert isinstance(machine, Machine)
    sources, computes, why = choose_torch(machine, "2.13.0")
    assert (sources[0].version, computes) == (version, cuda)
    assert why
    if index is None:
        assert sources[0].index is None
    else:
        assert sources[0].index is not None and sources[0].index.endswith(index.rpartition("/")[2])
    if sources[0].index == CPU_WHEELS:
        assert sources[-1].index is None, "the small build has the ordinary one to fall back on"


def test_stamps_follow_what_they_depend_on() -> None:
    def stamps(plan: Plan) -> dict[str, str]:
        return {step.name: step.stamp for step in plan.steps}

    here = stamps(plan_test(READY, project()))
    assert here == stamps(plan_test(replace(READY, free_bytes=1), project()))
    assert not here["ruff"] and not here["mypy"] and not here["pytest"]
    tried = stamps(plan_try(READY, project(), OUT))
    assert {name: stamp for name, stamp in here.items() if name in tried} == {
        name: stamp for name, stamp in tried.items() if name in here
    }
    newer_python = stamps(plan_test(replace(READY, python=(3, 12)), project()))
    assert all(newer_python[name] != stamp for name, stamp in here.items() if stamp)
    elsewhere = stamps(plan_test(replace(READY, package_source="find-links"), project()))
    assert elsewhere == here, "the same build from another place is the same"
    other_build = stamps(plan_test(replace(READY, gpu=with_gpu("580.1", (8, 6)).gpu), project()))
    assert other_build["environment"] != here["environment"]
    other = replace(project(), constraints=("idna==3.19",))
    changed = stamps(plan_test(READY, other))
    assert changed["torch"] == here["torch"] and changed["packages"] != here["packages"]


def test_the_plugin_goes_into_every_krita_that_has_run_here() -> None:
    flatpak = KritaHome(
        "Flatpak", Path("/home/painter/.var/x"), Path("/home/painter/.var/kritarc"), exists=True
    )
    both = replace(READY, krita_homes=(replace(HOME, exists=True), flatpak))
    plan = plan_plugin(both, project(), None, remove=False, archive=None)
    assert [step.action.home.kind for step in plan.steps if isinstance(step.action, PutPlugin)] == [
        "installed",
        "Flatpak",
    ]
    assert any("Flatpak" in note for note in plan.notes)


def test_the_plugin_without_krita_goes_where_one_will_look() -> None:
    plan = plan_plugin(BARE, project(), None, remove=False, archive=None)
    assert plan.steps[-1].action == PutPlugin(HOME)
    assert any("No Krita" in note for note in plan.notes)


def test_the_plugin_into_another_folder_out_again_and_into_a_zip() -> None:
    plan = plan_plugin(READY, project(), Path("/elsewhere"), remove=False, archive=None)
    action = plan.steps[-1].action
    assert isinstance(action, PutPlugin)
    assert (action.home.resources, action.home.kritarc) == (Path("/elsewhere"), HOME.kritarc)
    plan = plan_plugin(READY, project(), Path("/elsewhere"), remove=True, archive=None)
    assert [type(step.action) for step in plan.steps] == [TakePlugin]
    plan = plan_plugin(READY, project(), None, remove=False, archive=Path("/tmp/limn.zip"))
    assert plan.steps[-1].action == BuildZip(Path("/tmp/limn.zip"))


def test_uninstall_takes_the_plugin_out_and_the_environment_away() -> None:
    assert names(plan_uninstall(READY, ROOT)) == ["unplug", "remove"]


def test_pyqt_is_the_one_that_krita_is_built_with() -> None:
    six = replace(READY, krita_qt=6, system_pyqt=False)
    assert plan_test(six, project()).steps[0].action == InstallSystemPackages(
        ("python3-pyqt6",), sudo=False
    )


def test_no_pyqt_is_asked_for_where_nobody_knows_which() -> None:
    unknown = replace(READY, krita_qt=0, system_pyqt=False)
    assert names(plan_test(unknown, project())) == names(plan_test(READY, project()))
