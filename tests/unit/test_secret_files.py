"""Files with secrets: read strictly, and never quoted in an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from imagegw.config import ConfigurationInvalid, read_login, read_secret_keys


def test_a_login_may_have_colons_in_its_password(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("# the site's account\nrobot:a:b:c\n")
    login = read_login(file)
    assert login.username == "robot"
    assert login.password.get_secret_value() == "a:b:c"
    assert "a:b:c" not in repr(login)


@pytest.mark.parametrize("content", ["", "robot", "robot:", ":s3cret", "a:s3cret\nb:s3cret\n"])
def test_a_login_of_another_form_is_refused_without_being_quoted(tmp_path: Path, content: str) -> None:
    file = tmp_path / "login"
    file.write_text(content)
    with pytest.raises(ConfigurationInvalid, match="user:password") as refused:
        read_login(file)
    assert "s3cret" not in str(refused.value)


def test_secret_keys_are_the_ones_that_fernet_makes(tmp_path: Path) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    file = tmp_path / "keys"
    file.write_text("\n".join([keys[0], "", "# older", keys[1], ""]))
    assert [key.get_secret_value() for key in read_secret_keys(file)] == keys


@pytest.mark.parametrize("content", ["", "s3cret", "s3cret" * 20])
def test_what_is_no_key_is_refused_without_being_quoted(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content)
    with pytest.raises(ConfigurationInvalid, match="Fernet") as refused:
        read_secret_keys(file)
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="nowhere: expected a readable text file, found no such file"):
        read_login(tmp_path / "nowhere")
