"""Where settings come from, and what happens to wrong ones."""

from pathlib import Path

import pytest

from config.loader import MASK, ConfigError, load_settings, names, secret_names, shown


def test_without_anything_the_defaults_hold_and_say_so() -> None:
    loaded = load_settings({}, {})
    assert (loaded.settings.host, loaded.settings.port) == ("127.0.0.1", 4000)
    assert {origin.source for origin in loaded.origins.values()} == {"default"}


def test_the_environment_wins_over_the_default_and_a_flag_over_the_environment() -> None:
    environment = {"LOOPCTL_PORT": "4100", "LOOPCTL_HOST": "127.0.0.2"}
    loaded = load_settings({"port": "4200"}, environment)
    assert (loaded.settings.host, loaded.settings.port) == ("127.0.0.2", 4200)
    assert str(loaded.origins["port"]) == "flag --port"
    assert str(loaded.origins["host"]) == "environment LOOPCTL_HOST"


def test_an_empty_variable_counts_as_absent() -> None:
    assert load_settings({}, {"LOOPCTL_PORT": ""}).settings.port == 4000


def test_a_secret_can_come_from_a_file_and_its_last_line_ending_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    loaded = load_settings({}, {"LOOPCTL_APP_PASSWORD_FILE": str(tmp_path / "password")})
    assert loaded.settings.app_password == "s3cret"
    assert loaded.origins["app_password"].source == "file"


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Both LOOPCTL_KEKS and LOOPCTL_KEKS_FILE"):
        load_settings({}, {"LOOPCTL_KEKS": "a", "LOOPCTL_KEKS_FILE": str(tmp_path)})


def test_an_unreadable_secret_file_is_named() -> None:
    with pytest.raises(ConfigError, match="LOOPCTL_KEKS_FILE names /does/not/exist, which cannot be read"):
        load_settings({}, {"LOOPCTL_KEKS_FILE": "/does/not/exist"})


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LOOPCTL_PORT", "99999", r"port cannot be '99999' \(environment LOOPCTL_PORT\)"),
        ("LOOPCTL_PORT", "four", "port cannot be 'four'"),
        ("LOOPCTL_WORKERS", "0", "workers cannot be '0'"),
        ("LOOPCTL_LOG_LEVEL", "loud", "log_level cannot be 'loud'"),
        ("LOOPCTL_EGRESS_ALLOW", "10.0.0.1/8", "egress_allow cannot be '10.0.0.1/8'"),
        ("LOOPCTL_EGRESS_ALLOW_HTTP", "maybe", "egress_allow_http cannot be 'maybe'"),
    ],
)
def test_a_value_out_of_bounds_is_named_with_its_origin(variable: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings({}, {variable: value})


def test_a_wrong_secret_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConfigError) as error:
        load_settings({}, {"LOOPCTL_APP_PASSWORD": "hunter2" * 100})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("WORKRES", "WORKERS"), ("KEKS_FIEL", "KEKS_FILE"), ("DATADIR", "DATA_DIR")]
)
def test_a_misspelt_name_is_refused_with_the_one_that_is_meant(misspelt: str, meant: str) -> None:
    """Went red while it was a warning among the lines of a start, and the service ran with the default."""
    with pytest.raises(ConfigError, match=f"LOOPCTL_{misspelt} is not a setting; did you mean LOOPCTL_{meant}"):
        load_settings({}, {f"LOOPCTL_{misspelt}": "2"})


def test_a_name_that_is_somebody_elses_is_only_warned_about() -> None:
    """The control."""
    loaded = load_settings({}, {"LOOPCTL_SERVICE_HOST": "10.0.0.1"})
    assert loaded.warnings == ("LOOPCTL_SERVICE_HOST is not a setting and is ignored.",)


def test_names_of_the_client_are_not_warned_about() -> None:
    assert load_settings({}, {"LOOPCTL_SERVER": "x", "LOOPCTL_ORCH_KEY": "y", "PATH": "z"}).warnings == ()


def test_no_secret_is_ever_shown() -> None:
    secrets = secret_names()
    environment = {f"LOOPCTL_{name.upper()}": "abc" for name in secrets}
    lines = {name: text for name, text, _ in shown(load_settings({}, environment))}
    assert {lines[name] for name in secrets} == {MASK}
    assert {"keks", "peppers", "database_url", "redis_url"} <= secrets
    assert lines.keys() == set(names())


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:4000"),
        ("::1", "http://[::1]:4000"),
        ("0.0.0.0", "http://127.0.0.1:4000"),  # noqa: S104  # only written down
        ("::", "http://[::1]:4000"),
    ],
)
def test_the_address_that_clients_see_is_one_that_can_be_connected_to(host: str, address: str) -> None:
    assert load_settings({"host": host}, {}).settings.base_url() == address
