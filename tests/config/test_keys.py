"""Keys at rest."""

import stat
from pathlib import Path

import pytest

from config.keys import Key, generate_key, kept_secret, parse_keys
from config.loader import ConfigError


def test_generated_keys_differ_and_parse_with_the_current_one_first() -> None:
    first, second = generate_key(), generate_key()
    keys = parse_keys(f"{first}, {second}")
    assert [key.kid for key in keys] == [first[:8], second[:8]]
    assert len({key.secret for key in keys}) == 2


def test_no_text_is_no_key() -> None:
    assert parse_keys(None) == parse_keys("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "0000000:" + "A" * 43 + "=",
        "0000000G:" + "A" * 43 + "=",
        "00000001:" + "A" * 42 + "B=",  # a second spelling of the same bytes
        "00000001:" + "A" * 40,
        "00000001:" + "A" * 43 + "=,00000001:" + "A" * 43 + "=",
    ],
)
def test_a_malformed_or_doubled_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_keys(text)
    assert text not in str(error.value)


def test_a_key_does_not_show_its_secret() -> None:
    assert "ABABAB" not in repr(Key("00000001", b"ABABABABABABABABABABABABABABABAB"))


def test_a_kept_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    assert kept_secret(path, "first") == "first"
    assert kept_secret(path, "second") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
